/** The program as a whole: what `main.ts` loads once it knows that Deno is recent enough. */
import project from "../deno.json" with { type: "json" };
import { runProgram } from "./program.ts";
import { commands } from "./commands/mod.ts";
import { setCalledAs } from "./screen/output.ts";

/** What the launcher of the npm package puts before the user's words. */
const calledAsFlag = "--called-as=";

/** Runs the command that the process was started with; returns its exit code. */
export async function start(): Promise<number> {
  const [first, ...rest] = Deno.args;
  if (first?.startsWith(calledAsFlag) !== true) {
    return await runProgram(Deno.args, commands, project.version);
  }
  setCalledAs(first.slice(calledAsFlag.length));
  return await runProgram(rest, commands, project.version);
}
