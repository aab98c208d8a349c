/** The interface to stdout and stderr: everything that the program prints goes through here. */
import { UserError } from "../../core/errors.ts";
import { stringWidth } from "../../deps/string_width.ts";
import { terminalColumns } from "./terminal_columns.ts";

/** Something to write on. */
export interface Output {
  writeSync(data: Uint8Array): number;
  isTerminal(): boolean;
}

/** Control characters, and those that change text direction; line feeds and tabs stay. */
// deno-lint-ignore no-control-regex
const controls = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g;
/** The colours in `_style.ts`, as a group. */
// deno-lint-ignore no-control-regex
const styles = /(\x1b\[(?:1|2|22|31|33|39)m)/;

function shown(character: string): string {
  if (character === "\r") return "\\r";
  const code = character.charCodeAt(0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u${code.padStart(4, "0")}`;
}

/**
 * A text whose control characters are shown instead of executed. Names of files and tensors, metadata and
 * messages come from others: an escape sequence in them could hide what precedes it, write to the clipboard or
 * answer on the user's behalf.
 *
 * @param keepStyles leaves the colours that the program itself uses
 *
 * @example
 * ```ts
 * import { printable } from "./output.ts";
 * if (printable("a\x1b]52;c;eA==\x07b\r\n") !== "a\\x1b]52;c;eA==\\x07b\\r\n") throw new Error();
 * ```
 */
export function printable(text: string, keepStyles = false): string {
  // Split by a group, every second part is a style.
  return (keepStyles ? text.split(styles) : [text])
    .map((piece, index) => index % 2 === 1 ? piece : piece.replaceAll(controls, shown)).join("");
}

const encoder = new TextEncoder();

/** The self-updating line currently on the terminal; anything written removes it first. */
let liveLine: { clear(): void } | null = null;

/** Registers the line on the terminal, or null once it is gone. */
export function setLiveLine(line: { clear(): void } | null): void {
  liveLine = line;
}

/** The system's error when something cannot be written, unless the reader has gone away. */
function failureOf(error: unknown): string | null {
  if (error instanceof Deno.errors.BrokenPipe) return null;
  return (error instanceof Error ? error.message : String(error)).replace(/ \(os error \d+\)/, "");
}

/**
 * Writes a whole text, including escape sequences; a pipe may take it in parts, or be closed by its reader.
 * Only code that draws on the terminal calls this directly.
 *
 * On stderr nothing is an error: no run is lost because its progress cannot be shown, for instance when a
 * terminal is closed.
 *
 * @throws {UserError} if stdout cannot be written to
 */
export function writeRaw(output: Pick<Output, "writeSync">, text: string): void {
  let rest = encoder.encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(output.writeSync(rest));
  } catch (error) {
    const failure = output === Deno.stderr ? null : failureOf(error);
    if (failure === null) return;
    throw new UserError(`Cannot write the result to stdout: ${failure}`, {
      cause: error,
      hint: "redirect it to a file on a disk with room",
    });
  }
}

/** How users start commands; every text is written with `deno task`. */
let calledAs = "deno task";

/** Says how the program was started, as in `npx @mimic/mimic`; texts then name commands that way. */
export function setCalledAs(name: string): void {
  calledAs = name;
}

/** A text with commands named as the user starts them. */
export function asCalled(text: string): string {
  return text.replaceAll("deno task", calledAs);
}

/** Words, and what is kept together: quoted commands, and one that ends a line. */
function pieces(): RegExp {
  const command = calledAs.replaceAll(/[\\^$.*+?()[\]{}|]/g, "\\$&");
  return new RegExp(`\`[^\`]*\`\\S*|(?<!\\S)${command} .*$|\\S+`, "g");
}

/**
 * Lines broken between words, with continuation lines indented; a command to copy is not broken.
 *
 * @example
 * ```ts
 * import { wrapWords } from "./output.ts";
 * const text = wrapWords("Go on with: deno task knn --checkpoint a", 20);
 * if (text !== "Go on with:\n  deno task knn --checkpoint a") throw new Error(text);
 * ```
 */
export function wrapWords(text: string, columns: number): string {
  return text.split("\n").map((line) => {
    if (stringWidth(line) <= columns) return line;
    const indent = line.match(/^ */)![0];
    let [broken, row] = ["", indent];
    for (const [piece] of line.matchAll(pieces())) {
      const isFirst = row.trim() === "";
      if (!isFirst && stringWidth(row) + 1 + stringWidth(piece) > columns) {
        broken += `${row}\n`;
        row = `${indent}  ${piece}`;
      } else row += isFirst ? piece : ` ${piece}`;
    }
    return broken + row;
  }).join("\n");
}

/** Writes text for people to stderr; on a terminal, wrapped to its width. */
export function writeNote(text: string): void {
  const isTerminal = Deno.stderr.isTerminal();
  liveLine?.clear();
  const shown = asCalled(printable(text, isTerminal));
  writeRaw(Deno.stderr, isTerminal ? wrapWords(shown, terminalColumns()) : shown);
}

/** Writes a text as made by {@link printable}. */
export function writeText(output: Output, text: string): void {
  liveLine?.clear();
  writeRaw(output, asCalled(printable(text, output.isTerminal())));
}

/** Reads past what the terminal has put on the cursor's row, such as `^C`, and starts a new row. */
export function startRow(output: Output): void {
  liveLine?.clear();
  writeRaw(output, output.isTerminal() ? "\r\x1b[J" : "\n");
}

/** A JSON document without any control characters: those above ASCII's are legal in JSON. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    controls,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
