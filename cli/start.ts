/** The program as a whole: what `main.ts` loads once it knows that Deno is recent enough. */
import project from "../deno.json" with { type: "json" };
import { runProgram } from "./program.ts";
import { commands } from "./commands/mod.ts";

/** Runs the command that the process was started with; returns its exit code. */
export async function start(): Promise<number> {
  return await runProgram(Deno.args, commands, project.version);
}
