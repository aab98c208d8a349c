/**
 * The command line: `deno task COMMAND`, or `deno run main.ts COMMAND`.
 *
 * @module
 */
import project from "./deno.json" with { type: "json" };
import { runProgram } from "./cli/_program.ts";
import { commands } from "./cli/commands.ts";

if (import.meta.main) Deno.exit(await runProgram(Deno.args, commands, project.version));
