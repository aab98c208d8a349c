/** What a row of the table of hints is. */

/** How a hint is followed, literally; `…` stands for one word that the message itself fills in. */
export type Following =
  /** Words of the hint that are put behind the command, in the place of a flag that is there already. */
  | { readonly add: string }
  /** A flag that the hint names, and what somebody would give it. */
  | { readonly fill: string; readonly value: string }
  /** A flag that the hint wants left out, with its value. */
  | { readonly drop: string }
  /** A word of the command, and the one of the hint that comes in its place. */
  | { readonly replace: string; readonly by: string }
  /** A command of the hint that runs instead, with `rest` to make it small. */
  | { readonly run: string; readonly rest?: string };

/** A mistake, what is said of it, and what comes of doing as it says. */
export interface HintRow {
  /** The words behind `deno task`; `{name}` is one of the fixtures. */
  readonly command: string;
  /** The message; `…` stands for what varies. */
  readonly error: string;
  readonly follow: Following | readonly Following[];
  /** What it leads to where that is not a command that does its work: the message that comes then. */
  readonly next?: string;
}
