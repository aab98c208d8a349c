/** Text files as editors on any system write them. @module */

/** The text without a byte order mark, which editors on Windows put at the start. */
export function withoutMark(text: string): string {
  return text.replace(/^\ufeff/, "");
}

/**
 * The lines of a text, without their ends: `\n`, or `\r\n` as on Windows.
 *
 * @example
 * ```ts
 * import { linesOf } from "./text_lines.ts";
 *
 * const names = linesOf("\ufeffcat\r\ndog\n");
 * if (names.join() !== "cat,dog,") throw new Error(names.join());
 * ```
 */
export function linesOf(text: string): string[] {
  return withoutMark(text).split(/\r?\n/);
}
