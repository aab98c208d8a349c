/** A program of commands that wait, break and fail, for the tests of exit codes. */
import { type Command, defineCommand, toggle } from "../../cli/parsing/command.ts";
import { runProgram } from "../../cli/program.ts";

const wait = defineCommand({
  name: "wait",
  summary: "Wait for Ctrl-C",
  description: "Waits, then saves.",
  flags: {
    stubborn: toggle("Go on waiting after the first."),
    slow: toggle("Take a while to save."),
  },
  async run({ flags }, context) {
    const { signal } = context;
    context.note("waiting");
    // A timer keeps the process alive, as a running step would.
    const timer = setInterval(() => {}, 1000);
    await new Promise<void>((resolve) => {
      if (!flags.stubborn) signal.addEventListener("abort", () => resolve());
    });
    clearInterval(timer);
    if (flags.slow) await new Promise((resolve) => setTimeout(resolve, 400));
    context.print("saved");
    return 130;
  },
});

function failing(name: string, run: () => Promise<number | void>): Command {
  return defineCommand({ name, summary: name, description: `${name}.`, run });
}

const commands = [
  wait,
  failing("break", () => Promise.reject(new TypeError("it\n  broke"))),
  failing("fail", () => Promise.resolve(1)),
  failing("write", () => Deno.writeTextFile("/nowhere/x", "")),
];

if (import.meta.main) Deno.exit(await runProgram(Deno.args, commands, "0"));
