/**
 * Parses the words of a command line according to a {@link Command}: the only file that uses the
 * library which does it.
 */
import * as optique from "../../deps/optique.ts";
import { UserError } from "../../core/errors.ts";
import { nearest } from "../../core/nearest.ts";
import { type Argument, type Command, type CommandInput, type Flag, flagName } from "./command.ts";

type ValueParser = optique.ValueParser<"sync", unknown>;
type AnyParser = optique.Parser<"sync", unknown, unknown>;

function withWords(parser: ValueParser, words?: () => readonly string[]): ValueParser {
  if (words === undefined) return parser;
  return {
    ...parser,
    *suggest(prefix: string): Generator<optique.Suggestion> {
      for (const word of words()) {
        if (word.startsWith(prefix)) yield { kind: "literal", text: word };
      }
    },
  };
}

function pathParser(metavar: optique.NonEmptyString): ValueParser {
  return {
    ...optique.string({ metavar }),
    *suggest(prefix: string): Generator<optique.Suggestion> {
      yield { kind: "file", pattern: prefix, type: "any" };
    },
  } as ValueParser;
}

function valueParser(flag: Flag): ValueParser {
  const metavar = flag.placeholder as optique.NonEmptyString;
  switch (flag.kind) {
    case "integer":
      return optique.integer({ metavar, min: flag.minimum }) as ValueParser;
    case "number":
      return optique.float({ metavar, min: flag.minimum }) as ValueParser;
    case "choice":
      return optique.choice(flag.choices, { metavar }) as ValueParser;
    case "path":
      return flag.complete === undefined
        ? pathParser(metavar)
        : withWords(optique.string({ metavar }) as ValueParser, flag.complete);
    default:
      return withWords(optique.string({ metavar }) as ValueParser, flag.complete);
  }
}

function flagParser(key: string, flag: Flag): AnyParser {
  const names = flag.short === undefined
    ? [flagName(key)]
    : [flagName(key), `-${flag.short}` as const];
  const [name, ...short] = names as `-${string}`[];
  if (flag.kind === "switch") return optique.option(name as `--${string}`, ...short) as AnyParser;
  const option = optique.option(name as `--${string}`, ...short, valueParser(flag));
  return (flag.repeatable ? optique.multiple(option) : optique.optional(option)) as AnyParser;
}

function argumentParser(argument: Argument): AnyParser {
  const metavar = argument.placeholder as optique.NonEmptyString;
  const value = argument.complete !== undefined || argument.kind === "text"
    ? withWords(optique.string({ metavar }) as ValueParser, argument.complete)
    : pathParser(metavar);
  const parser = optique.argument(value);
  switch (argument.count) {
    case "one":
      return parser as AnyParser;
    case "optional":
      return optique.optional(parser) as AnyParser;
    case "some":
      return optique.multiple(parser, { min: 1 }) as AnyParser;
    case "any":
      return optique.multiple(parser) as AnyParser;
  }
}

function parserOf(command: Command): AnyParser {
  const parts: Record<string, AnyParser> = {};
  for (const [key, flag] of Object.entries(command.flags)) {
    parts[`flag:${key}`] = flagParser(key, flag);
  }
  for (const [key, argument] of Object.entries(command.arguments)) {
    parts[`argument:${key}`] = argumentParser(argument);
  }
  return optique.object(parts) as AnyParser;
}

/** The hint for a word that no flag or argument takes. */
function hintFor(
  command: Command,
  words: readonly string[],
  calledAs: string,
  message: string,
): string {
  const stray = message.match(/^Unexpected .*"([^-"][^"]*)"$/)?.[1];
  if (
    stray !== undefined && "data" in command.flags && Object.keys(command.arguments).length === 0
  ) {
    return `did you mean "--data=${stray}"?`;
  }
  const known = Object.keys(command.flags).map(flagName);
  const unknown = words.find((word) =>
    word.startsWith("--") && !known.includes(word.split("=")[0]) && word !== "--"
  );
  const near = unknown === undefined ? undefined : nearest(unknown.split("=")[0], known);
  return near === undefined ? `see \`${calledAs} --help\`` : `did you mean "${near}"?`;
}

/**
 * Parses the words after a command's name.
 *
 * @throws {UserError} that names the flag, what was expected and what was found
 */
export function parseCommand(
  command: Command,
  words: readonly string[],
  calledAs: string,
): CommandInput {
  const result = optique.parseSync(parserOf(command), words);
  if (!result.success) {
    const message = optique.formatMessage(result.error).split("\n")[0].replaceAll("`", '"')
      .replace(/\.$/, "");
    throw new UserError(message, { hint: hintFor(command, words, calledAs, message) });
  }
  const flags: Record<string, unknown> = {};
  const values: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(result.value as Record<string, unknown>)) {
    const [kind, name] = key.split(":");
    (kind === "flag" ? flags : values)[name] = value;
  }
  return { flags, arguments: values };
}

const shells = { bash: optique.bash, zsh: optique.zsh, fish: optique.fish };

/** The shells that completion supports. */
export const shellNames = Object.keys(shells) as readonly (keyof typeof shells)[];

/** The script that a shell loads; it calls `program completion SHELL WORDS…` for every Tab. */
export function completionScript(shell: keyof typeof shells, program: string): string {
  return shells[shell].generateScript(program, ["completion", shell]);
}

/** Candidates for the last of `words`, in the shell's own encoding. */
export function completeCommand(
  shell: keyof typeof shells,
  command: Command | null,
  words: readonly string[],
  names: readonly string[],
): string {
  const last = words[words.length - 1] ?? "";
  const suggestions: optique.Suggestion[] = command === null
    ? names.filter((name) => name.startsWith(last)).map((name) => ({ kind: "literal", text: name }))
    : [...optique.suggestSync(parserOf(command), words as [string, ...string[]])];
  return [...shells[shell].encodeSuggestions(suggestions)].join("");
}
