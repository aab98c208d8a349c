/** `completion`: shell completion for an installed `mimic`. */
import { UserError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { type Command, type CommandGroup, defineCommand, required } from "../parsing/command.ts";
import { completeCommand, completionScript, shellNames } from "../parsing/parser.ts";

type Shell = (typeof shellNames)[number];

function checkedShell(name: string): Shell {
  const shell = shellNames.find((known) => known === name);
  if (shell !== undefined) return shell;
  const near = nearest(name, shellNames);
  throw new UserError(`Unknown shell "${name}": expected one of ${shellNames.join(", ")}`, {
    hint: near === undefined ? undefined : `did you mean "${near}"?`,
  });
}

/** What the shell requests with every Tab: candidates for the last of `words`. */
export function complete(
  shellName: string,
  words: readonly string[],
  commands: readonly (Command | CommandGroup)[],
): string {
  const shell = checkedShell(shellName);
  let level: readonly (Command | CommandGroup)[] = commands;
  let rest = words;
  while (rest.length > 1) {
    const entry = level.find((known) => known.name === rest[0]);
    if (entry === undefined) return "";
    rest = rest.slice(1);
    if (!("commands" in entry)) return completeCommand(shell, entry, rest, []);
    level = entry.commands;
  }
  return completeCommand(shell, null, rest, level.map((entry) => entry.name));
}

/** The script itself; requests for words are answered by `main.ts`, which knows all commands. */
export const completion = defineCommand({
  name: "completion",
  summary: "Print a script that lets the shell complete commands, flags and config keys",
  description:
    "Completion works for a program that is installed as `mimic`, not for `deno task`: install " +
    "it once with `deno task install`, then load the script where your shell starts.",
  arguments: {
    shell: required("SHELL", `${shellNames.join(", ")}.`, {
      kind: "text",
      complete: () => shellNames,
    }),
  },
  examples: [["completion bash >> ~/.bashrc", "complete in every new shell"]],
  run({ arguments: { shell } }, context) {
    context.print(completionScript(checkedShell(shell), "mimic").trim());
    return Promise.resolve();
  },
});
