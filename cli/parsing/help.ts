/** Writes the help for the program, a group and a command. */
import { type Argument, type Command, type CommandGroup, type Flag, flagName } from "./command.ts";
import { asCalled } from "../screen/output.ts";
import type { Style } from "../screen/style.ts";

/** Maximum width of a page in columns: longer lines are harder to read. */
const mostColumns = 90;
const fewestColumns = 50;

/** How a page is laid out: its colours, and the available columns; default: 90. */
export interface HelpLayout {
  readonly style: Style;
  readonly columns?: number;
}

function widthOf({ columns = mostColumns }: HelpLayout): number {
  return Math.min(mostColumns, Math.max(fewestColumns, columns));
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else {
        line = line === "" ? word : `${line} ${word}`;
      }
    }
    lines.push(line);
  }
  return lines.join(`\n${indent}`);
}

function table(rows: readonly (readonly [string, string])[], layout: HelpLayout): string {
  const width = widthOf(layout);
  const left = Math.min(30, Math.max(...rows.map(([term]) => term.length))) + 2;
  const indent = " ".repeat(left + 2);
  return rows.map(([term, text]) => {
    const gap = term.length > left - 2 ? `\n${indent}` : " ".repeat(left - term.length);
    return `  ${layout.style.bold(term)}${gap}${wrap(text, width - left - 2, indent)}`;
  }).join("\n");
}

function section(title: string, body: string, style: Style): string {
  return `\n\n${style.bold(title)}\n${body}`;
}

/** An argument as the usage shows it: `IMAGES…`. */
export function argumentTerm({ placeholder, count }: Argument): string {
  if (count === "one") return placeholder;
  if (count === "optional") return `[${placeholder}]`;
  return count === "some" ? `${placeholder}…` : `[${placeholder}…]`;
}

/** A flag as shown in the help: `--out, -o DIR`. */
export function flagTerm(key: string, flag: Flag): string {
  const short = flag.short === undefined ? "" : `, -${flag.short}`;
  const value = flag.kind === "switch" ? "" : ` ${flag.placeholder}`;
  return `${flagName(key)}${short}${value}`;
}

function flagText(flag: Flag): string {
  const choices = flag.choices.length > 0 ? ` One of ${flag.choices.join(", ")}.` : "";
  return `${flag.description}${choices}${flag.repeatable ? " May be given several times." : ""}`;
}

/** A command line, broken before a flag if it is long. */
function commandLine(line: string, width: number): string {
  const words = line.split(/ (?=--)/);
  let text = "";
  let length = 0;
  for (const word of words) {
    if (length + word.length > width - 4 && text !== "") {
      text += ` \\\n      ${word}`;
      length = 6 + word.length;
    } else {
      text += text === "" ? word : ` ${word}`;
      length += word.length + 1;
    }
  }
  return text;
}

/** The help for one command; `calledAs` is `deno task config print`. */
export function commandHelp(command: Command, calledAs: string, layout: HelpLayout): string {
  const { style } = layout;
  const args = Object.values(command.arguments);
  const flags = Object.entries(command.flags);
  const usage = [calledAs, ...args.map(argumentTerm), flags.length > 0 ? "[flags]" : ""];
  let help = `${style.bold(command.summary)}\n\n${usage.join(" ").trimEnd()}\n\n` +
    wrap(command.description, widthOf(layout), "");
  if (args.length > 0) {
    const rows = args.map((arg) => [argumentTerm(arg), arg.description] as const);
    help += section("Arguments", table(rows, layout), style);
  }
  const rows = flags.map(([key, flag]) => [flagTerm(key, flag), flagText(flag)] as const);
  const helpRow = ["--help, -h", "Show this help."] as const;
  help += section("Flags", table([...rows, helpRow], layout), style);
  if (command.examples.length > 0) {
    const lines = command.examples.map(([line, does]) =>
      `  ${style.dim(wrap(`# ${does}`, widthOf(layout) - 4, "  # "))}\n  ${
        commandLine(asCalled(`deno task ${line}`), widthOf(layout))
      }`
    );
    help += section("Examples", lines.join("\n"), style);
  }
  return help;
}

function commandRows(commands: readonly (Command | CommandGroup)[]) {
  return commands.map(({ name, summary }) => [name, summary] as const);
}

/** The help for a group of commands. */
export function groupHelp(group: CommandGroup, calledAs: string, layout: HelpLayout): string {
  const { style } = layout;
  return `${style.bold(group.summary)}\n\n${calledAs} COMMAND [flags]\n\n` +
    wrap(group.description, widthOf(layout), "") +
    section("Commands", table(commandRows(group.commands), layout), style) +
    `\n\n\`${calledAs} COMMAND --help\` says more about each.`;
}

/** The help for the whole program. */
export function programHelp(
  commands: readonly (Command | CommandGroup)[],
  version: string,
  layout: HelpLayout,
): string {
  const { style } = layout;
  return `${style.bold(`mimic ${version}`)}: BEiT v2 pretraining of vision transformers\n\n` +
    "deno task COMMAND [flags]" +
    section("Commands", table(commandRows(commands), layout), style) +
    "\n\n" +
    wrap(
      "`deno task COMMAND --help` says more about each. Results go to stdout, progress to stderr.\n" +
        "Exit codes: 0 done, 2 mistake in the input, 130 interrupted and saved, 1 bug.",
      widthOf(layout),
      "",
    );
}
