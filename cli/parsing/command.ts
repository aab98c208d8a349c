/**
 * What a command is, as plain data: its flags and arguments with their types, its help, and what it runs. Which
 * library parses them is up to `_parser.ts`.
 */
import type { Job } from "../running/job.ts";

/** How a flag's value is written. */
export type FlagKind = "text" | "path" | "integer" | "number" | "switch" | "choice";

/** A flag; `Value` is what `run` receives, `undefined` if it was not given. */
export interface Flag<Value = unknown> {
  readonly kind: FlagKind;
  readonly description: string;
  /** What the help calls the value: `--out DIR`. */
  readonly placeholder: string;
  /** One letter. */
  readonly short?: string;
  readonly repeatable: boolean;
  readonly choices: readonly string[];
  readonly minimum?: number;
  /** Words that the shell can complete the value with. */
  readonly complete?: () => readonly string[];
  /** Carries the type; never set. */
  readonly typed?: () => Value;
}

/** What can be said about a flag besides its kind. */
export interface FlagOptions {
  readonly placeholder?: string;
  readonly short?: string;
  readonly minimum?: number;
  readonly complete?: () => readonly string[];
}

function flag<Value>(
  kind: FlagKind,
  description: string,
  placeholder: string,
  options: FlagOptions,
): Flag<Value> {
  return { kind, description, placeholder, repeatable: false, choices: [], ...options };
}

/** A flag with free text. */
export function text(description: string, options: FlagOptions = {}): Flag<string | undefined> {
  return flag("text", description, "TEXT", options);
}

/** A flag with the path of a file or folder. */
export function path(description: string, options: FlagOptions = {}): Flag<string | undefined> {
  return flag("path", description, "PATH", options);
}

/** A flag with an integer. */
export function integer(description: string, options: FlagOptions = {}): Flag<number | undefined> {
  return flag("integer", description, "N", options);
}

/** A flag with a number. */
export function number(description: string, options: FlagOptions = {}): Flag<number | undefined> {
  return flag("number", description, "X", options);
}

/** A flag without a value. */
export function toggle(description: string, options: FlagOptions = {}): Flag<boolean> {
  return flag("switch", description, "", options);
}

/** A flag with one of a few words. */
export function choice<const Choice extends string>(
  description: string,
  choices: readonly Choice[],
  options: FlagOptions = {},
): Flag<Choice | undefined> {
  return { ...flag<Choice | undefined>("choice", description, "NAME", options), choices };
}

/** A flag that may be repeated. */
export function repeated<Value>(inner: Flag<Value>): Flag<NonNullable<Value>[]> {
  return { ...inner, repeatable: true } as unknown as Flag<NonNullable<Value>[]>;
}

/** A positional argument on the command line. */
export interface Argument<Value = unknown> {
  readonly placeholder: string;
  readonly description: string;
  readonly count: "one" | "optional" | "some" | "any";
  readonly kind: "text" | "path";
  readonly complete?: () => readonly string[];
  readonly typed?: () => Value;
}

/** Options of an argument. */
export type ArgumentOptions = Partial<Pick<Argument, "kind" | "complete">>;

/** A required argument. */
export function required(
  placeholder: string,
  description: string,
  options: ArgumentOptions = {},
): Argument<string> {
  return { placeholder, description, count: "one", kind: "path", ...options };
}

/** An optional argument. */
export function optional(
  placeholder: string,
  description: string,
  options: ArgumentOptions = {},
): Argument<string | undefined> {
  return { placeholder, description, count: "optional", kind: "path", ...options };
}

/** All further arguments, at least one. */
export function some(
  placeholder: string,
  description: string,
  options: ArgumentOptions = {},
): Argument<string[]> {
  return { placeholder, description, count: "some", kind: "path", ...options };
}

/** All further arguments, possibly none. */
export function any(
  placeholder: string,
  description: string,
  options: ArgumentOptions = {},
): Argument<string[]> {
  return { placeholder, description, count: "any", kind: "path", ...options };
}

/** The values of a record of flags or arguments. */
export type ValuesOf<Specs extends Record<string, Flag | Argument>> = {
  readonly [Name in keyof Specs]: Specs[Name] extends { readonly typed?: () => infer Value } ? Value
    : never;
};

/** What a command may use of the terminal that it was called from. */
export interface CommandContext {
  /** Aborted by Ctrl-C, SIGTERM and SIGHUP: finish the step, save, return. */
  readonly signal: AbortSignal;
  /** Decides whether the first of them ends the process: a message why nothing is lost, or null. */
  endsAtOnce?(words: () => string | null): void;
  /** Writes a result, a line on stdout. */
  print(line: string): void;
  /** Writes a note, a line on stderr. */
  note(line: string): void;
  /** The processes that the command may share its work with. */
  readonly job: Job;
  /** Writes the JSON document for `--json` to stdout. */
  printJson(value: unknown): void;
}

/** Exit codes of the command line. */
export const exitCodes = { done: 0, bug: 1, mistake: 2, interrupted: 130 } as const;

/** A command. */
export interface Command {
  readonly name: string;
  /** One line, without a full stop, for the list of commands. */
  readonly summary: string;
  /** Paragraphs of the help text. */
  readonly description: string;
  readonly arguments: Readonly<Record<string, Argument>>;
  readonly flags: Readonly<Record<string, Flag>>;
  /** Command lines after `deno task `, each with what it does. */
  readonly examples: readonly (readonly [commandLine: string, does: string])[];
  run(input: CommandInput, context: CommandContext): Promise<number | void>;
}

/** What {@link Command.run} receives, untyped. */
export interface CommandInput {
  readonly flags: Readonly<Record<string, unknown>>;
  readonly arguments: Readonly<Record<string, unknown>>;
}

/** A group of commands under one name: `config print`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  readonly description: string;
  readonly commands: readonly Command[];
}

/** The input of {@link defineCommand}: a command whose `run` is typed. */
export interface CommandDefinition<
  Arguments extends Record<string, Argument>,
  Flags extends Record<string, Flag>,
> extends Omit<Command, "arguments" | "flags" | "run" | "examples"> {
  readonly arguments?: Arguments;
  readonly flags?: Flags;
  readonly examples?: Command["examples"];
  run(
    input: { readonly flags: ValuesOf<Flags>; readonly arguments: ValuesOf<Arguments> },
    context: CommandContext,
  ): Promise<number | void>;
}

/** Declares a command; the types of its flags and arguments reach `run`. */
export function defineCommand<
  Arguments extends Record<string, Argument> = Record<never, never>,
  Flags extends Record<string, Flag> = Record<never, never>,
>(definition: CommandDefinition<Arguments, Flags>): Command {
  return { arguments: {}, flags: {}, examples: [], ...definition } as Command;
}

/** `maxSteps` as typed: `--max-steps`. */
export function flagName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
