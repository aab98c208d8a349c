/** Terminal colours; none if the output is not a terminal or `NO_COLOR` is set. */

/** Wraps words in the terminal's escape codes. */
export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
  yellow(text: string): string;
}

const plain = (text: string) => text;

/** Leaves words unchanged. */
export const plainStyle: Style = { bold: plain, dim: plain, red: plain, yellow: plain };

/** The style for a stream. */
export function styleFor(stream: { isTerminal(): boolean }): Style {
  if (Deno.noColor || !stream.isTerminal()) return plainStyle;
  const code = (on: number, off: number) => (text: string) => `\x1b[${on}m${text}\x1b[${off}m`;
  return { bold: code(1, 22), dim: code(2, 22), red: code(31, 39), yellow: code(33, 39) };
}
