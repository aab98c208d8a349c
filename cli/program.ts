/** Finds the command, runs it, and turns whatever happens into an exit code. */
import { messageOf, UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import {
  type Command,
  type CommandContext,
  type CommandGroup,
  exitCodes,
} from "./parsing/command.ts";
import { commandHelp, groupHelp, type HelpLayout, programHelp } from "./parsing/help.ts";
import { type Interruption, listenForInterrupts } from "./running/interrupt.ts";
import { Job } from "./running/job.ts";
import { jsonText, startRow, writeNote, writeText } from "./screen/output.ts";
import { terminalColumns } from "./screen/terminal_columns.ts";
import { parseCommand } from "./parsing/parser.ts";
import { type Style, styleFor } from "./screen/style.ts";
import { complete } from "./commands/completion.ts";

/** What a call asks for: help to print, or a command with its words. */
type Call =
  | { readonly help: (layout: HelpLayout) => string }
  | { readonly command: Command; readonly words: readonly string[]; readonly calledAs: string };

function unknownCommand(name: string, known: readonly { name: string }[], calledAs: string): never {
  const near = nearest(name, known.map((entry) => entry.name));
  throw new UserError(`Unknown command "${name}"`, {
    hint: near !== undefined
      ? `did you mean "${near}"?`
      // Without a name, \`deno task\` lists the commands itself: its --help is Deno's.
      : `see \`${calledAs === "deno task" ? calledAs : `${calledAs} --help`}\``,
  });
}

function asksForHelp(words: readonly string[]): boolean {
  const end = words.indexOf("--");
  return (end < 0 ? words : words.slice(0, end)).some((word) => word === "--help" || word === "-h");
}

/** Finds the command that the words call. */
export function findCall(
  words: readonly string[],
  commands: readonly (Command | CommandGroup)[],
  version: string,
): Call {
  let level = commands;
  let calledAs = "deno task";
  let overview = (layout: HelpLayout) => programHelp(commands, version, layout);
  let rest = words[0] === "help" ? [...words.slice(1), "--help"] : [...words];
  while (true) {
    const name = rest[0];
    if (name === undefined || name.startsWith("-")) {
      if (name === undefined || asksForHelp(rest)) return { help: overview };
      return unknownCommand(name, level, calledAs);
    }
    const entry = level.find((known) => known.name === name);
    if (entry === undefined) return unknownCommand(name, level, calledAs);
    const path = `${calledAs} ${name}`;
    rest = rest.slice(1);
    if (!("commands" in entry)) {
      if (asksForHelp(rest)) return { help: (layout) => commandHelp(entry, path, layout) };
      return { command: entry, words: rest, calledAs: path };
    }
    [level, calledAs] = [entry.commands, path];
    overview = (layout) => groupHelp(entry, path, layout);
  }
}

function debugs(): boolean {
  const name = "MIMIC_DEBUG";
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" && Deno.env.get(name) === "1";
}

/**
 * Gives Mesa's drivers, which print two lines on stderr without one, a runtime directory. Nothing is put there:
 * it would hold a desktop's socket, and WebGPU opens no window.
 */
function setRuntimeDirectory(): void {
  const name = "XDG_RUNTIME_DIR";
  if (Deno.build.os !== "linux") return;
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  if (state === "granted" && !Deno.env.get(name)) Deno.env.set(name, "/tmp");
}

/** A system limit that the user can raise or work around, with the way to do so; null for anything else. */
function limitOf(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  const message = messageOf(error);
  if (code === "EMFILE" || code === "ENFILE" || /too many open files/i.test(message)) {
    return "raise the limit with `ulimit -n 4096`, then run the same command again";
  }
  return null;
}

/** Reports on stderr what went wrong; returns the exit code. */
export function reportError(
  error: unknown,
  write: (text: string) => void,
  style: Style,
  rank = 0,
): number {
  const message = messageOf(error).replaceAll(/\s*\n\s*/g, " ")
    // Deno's advice does not apply: a task has its permissions in deno.json.
    .replace(
      /, run again with the (--allow-\w+) flag/,
      "; it was started without $1 for that, see SECURITY.md",
    );
  const line = rank > 0 ? `rank ${rank}: ${message}` : message;
  const limit = limitOf(error);
  const isMistake = error instanceof UserError || error instanceof Deno.errors.NotCapable ||
    limit !== null;
  if (error instanceof Error && error.name === "AbortError") return exitCodes.interrupted;
  write(`${style.red("error:")} ${limit === null ? line : `${line}; ${limit}`}\n`);
  if (debugs() && error instanceof Error) write(`${error.stack}\n`);
  if (isMistake) return exitCodes.mistake;
  if (error instanceof Error && error.name === "DivergenceError") return exitCodes.bug;
  write(
    "This is a bug in mimic. Please report it with the command, the output of `deno task doctor` " +
      "and what MIMIC_DEBUG=1 adds to this message.\n",
  );
  return exitCodes.bug;
}

/** Runs the program with the words of its command line; returns the exit code. */
export async function runProgram(
  words: readonly string[],
  commands: readonly (Command | CommandGroup)[],
  version: string,
): Promise<number> {
  const print = (text: string) => writeText(Deno.stdout, text);
  const note = writeNote;
  let interruption: Interruption | null = null;
  const job = new Job();
  try {
    // What the script from `completion SHELL` calls: all words so far.
    if (words[0] === "completion" && words.length > 2) {
      print(complete(words[1], words.slice(2), commands));
      return exitCodes.done;
    }
    setRuntimeDirectory();
    const call = findCall(words, commands, version);
    if ("help" in call) {
      const columns = Deno.stdout.isTerminal() ? terminalColumns() : undefined;
      print(`${call.help({ style: styleFor(Deno.stdout), columns })}\n`);
      return exitCodes.done;
    }
    const input = parseCommand(call.command, call.words, call.calledAs);
    const listening = interruption = listenForInterrupts((line) => {
      if (job.rank > 0) return;
      startRow(Deno.stderr);
      note(`${line}\n`);
    });
    const context: CommandContext = {
      get signal() {
        return listening.signal;
      },
      endsAtOnce: listening.endsAtOnce,
      job,
      print: (line) => print(`${line}\n`),
      note: (line) => note(`${line}\n`),
      printJson: (value) => print(`${jsonText(value)}\n`),
    };
    const code = await call.command.run(input, context) ?? exitCodes.done;
    await job.leave();
    return code;
  } catch (error) {
    return await job.fail(() => reportError(error, note, styleFor(Deno.stderr), job.rank));
  } finally {
    interruption?.dispose();
  }
}
