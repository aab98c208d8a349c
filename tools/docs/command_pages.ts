/** The reference of commands, from what the parser knows of them. @module */
import type { Argument, Command, CommandGroup, Flag } from "../../cli/parsing/command.ts";
import { argumentTerm, flagTerm } from "../../cli/parsing/help.ts";
import { code, prose, table } from "./markdown.ts";

/** Paragraphs of a command's help; one whose lines are aligned stays as it is. */
function paragraphs(text: string): string[] {
  return text.split("\n\n").map((paragraph) => {
    if (!paragraph.includes("\n")) return prose(paragraph);
    return `\`\`\`text\n${paragraph}\n\`\`\``;
  });
}

function argumentTable(args: Readonly<Record<string, Argument>>): string[] {
  const rows = Object.values(args).map((arg) => [code(argumentTerm(arg)), prose(arg.description)]);
  return rows.length === 0 ? [] : [table([["argument", "what it is"], ...rows])];
}

function flagTable(flags: Readonly<Record<string, Flag>>): string[] {
  const rows = Object.entries(flags).map(([key, flag]) => {
    const choices = flag.choices.length === 0
      ? ""
      : ` One of ${flag.choices.map(code).join(", ")}.`;
    const again = flag.repeatable ? " May be given several times." : "";
    return [code(flagTerm(key, flag)), `${prose(flag.description)}${choices}${again}`];
  });
  return rows.length === 0 ? [] : [table([["flag", "what it does"], ...rows])];
}

function commandSection(command: Command, calledAs: string): string[] {
  const args = Object.values(command.arguments).map(argumentTerm);
  const usage = [calledAs, ...args, Object.keys(command.flags).length > 0 ? "[flags]" : ""];
  const examples = command.examples.map(([line, does]) => `# ${does}\ndeno task ${line}`);
  return [
    `## ${code(calledAs.replace("deno task ", ""))}`,
    `${prose(command.summary)}.`,
    `\`\`\`text\n${usage.join(" ").trim()}\n\`\`\``,
    ...paragraphs(command.description),
    ...argumentTable(command.arguments),
    ...flagTable(command.flags),
    ...(examples.length === 0 ? [] : [`\`\`\`sh\n${examples.join("\n")}\n\`\`\``]),
  ];
}

/** The page of all commands. */
export function commandPage(commands: readonly (Command | CommandGroup)[]): string {
  const sections = commands.flatMap((entry) => {
    const calledAs = `deno task ${entry.name}`;
    if (!("commands" in entry)) return commandSection(entry, calledAs);
    return entry.commands.flatMap((command) =>
      commandSection(command, `${calledAs} ${command.name}`)
    );
  });
  return [
    "# Commands",
    "Written by `deno task docs` from what the parser knows; `deno task COMMAND --help` says the same. " +
    `Results go to stdout, progress to stderr. Exit codes: 0 done, 2 a mistake in what was given, 130 ` +
    "interrupted and saved, 1 a bug.",
    ...sections,
  ].join("\n\n") + "\n";
}
