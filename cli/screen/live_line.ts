/** The self-updating line at the bottom of a terminal. */
import { stringWidth } from "../../deps/string_width.ts";
import { printable, setLiveLine } from "./output.ts";

/** A part of the line; those with the highest rank are dropped first if there is no room. */
export interface LinePart {
  readonly text: string;
  /** 0: always shown; from 1: may be dropped; from 4: shown only next to a bar of some length. */
  readonly rank: number;
}

/** What the line shows. */
export interface LineContent {
  /** Share that is done, or null if the total is unknown. */
  readonly share: number | null;
  /** What is being done; shortened if it is long, as a file's name may be. */
  readonly what: string;
  readonly parts: readonly LinePart[];
}

const [leastBar, leastNamedBar, handsomeBar, largestBar] = [4, 8, 16, 30];
/** Maximum length of the line: longer ones are hard to follow. */
const mostColumns = 130;

/** A text shortened to a number of columns by cutting its middle: the ends of a path say most. */
export function cutMiddle(text: string, columns: number): string {
  if (stringWidth(text) <= columns) return text;
  if (columns < 1) return "";
  const characters = Array.from(new Intl.Segmenter().segment(text), ({ segment }) => segment);
  const take = (from: readonly string[], room: number) => {
    const taken: string[] = [];
    let used = 0;
    for (const character of from) {
      used += stringWidth(character);
      if (used > room) break;
      taken.push(character);
    }
    return taken;
  };
  const head = Math.floor((columns - 1) / 3);
  const tail = take(characters.toReversed(), columns - 1 - head).reverse();
  return `${take(characters, head).join("")}…${tail.join("")}`;
}

/** `━━━━────`: a bar with a number of columns. */
function bar(share: number, columns: number): string {
  const full = Math.min(columns, Math.max(0, Math.round(share * columns)));
  return "━".repeat(full) + "─".repeat(columns - full);
}

/**
 * The line, one column shorter than the terminal: a bar as long as there is room for, then whatever
 * fits.
 *
 * @example
 * ```ts
 * import { formatLine } from "./live_line.ts";
 * const parts = [{ text: "1/4 images", rank: 0 }];
 * const line = formatLine({ share: 0.25, what: "Listing", parts }, 40);
 * if (line !== "━━━────────   25 %  Listing  1/4 images") throw new Error(line);
 * ```
 */
export function formatLine({ share, what, parts }: LineContent, columns: number): string {
  const room = Math.max(0, Math.min(columns - 1, mostColumns));
  const percent = share === null
    ? ""
    : `${String(Math.floor(100 * Math.min(1, share))).padStart(3)} %`;
  const widthOf = (texts: readonly string[]) =>
    texts.reduce((sum, text) => sum + (text === "" ? 0 : stringWidth(text) + 2), 0);
  let shown = parts.filter(({ text }) => text !== "");
  const name = printable(what);
  const least = () => {
    if (share === null) return 0;
    if (shown.some(({ rank }) => rank >= 4)) return handsomeBar;
    // Work with a name is identified by its bar; its count is the first to be dropped.
    return name === "" ? leastBar : leastNamedBar;
  };
  const needed = () => widthOf([percent, ...shown.map(({ text }) => text)]);
  const highestRank = () => Math.max(...shown.map(({ rank }) => rank));
  // The name may be shortened to a third of the line before the time is dropped, and to two thirds before the
  // count, which the bar shows too.
  const nameRoom = () => {
    const most = share !== null && highestRank() > 1 ? 2 / 3 : 1 / 3;
    return Math.min(stringWidth(name) + 2, Math.floor(most * room));
  };
  while (least() + needed() + nameRoom() > room && shown.some(({ rank }) => rank > 0)) {
    const highest = highestRank();
    const index = shown.findLastIndex(({ rank }) => rank === highest);
    shown = shown.toSpliced(index, 1);
  }
  const cut = cutMiddle(name, room - least() - needed() - 2);
  const texts = [percent, cut, ...shown.map(({ text }) => text)].filter((text) => text !== "");
  const length = Math.min(largestBar, room - widthOf(texts));
  const whole = [...(share === null || length < 1 ? [] : [bar(share, length)]), ...texts].join(
    "  ",
  );
  return cutMiddle(whole.trimStart(), room);
}

/**
 * Draws and removes the line. The cursor stays at its start: if the window is made narrower and the terminal
 * wraps the line, all of it is still after the cursor, and is erased with the next drawing.
 */
export class LiveLine {
  readonly #write: (text: string) => void;
  readonly #columns: () => number;
  #isShown = false;

  constructor(write: (text: string) => void, columns: () => number) {
    this.#write = write;
    this.#columns = columns;
  }

  /** Redraws it. */
  show(content: LineContent): void {
    this.#write(`\r\x1b[J${formatLine(content, this.#columns())}\r`);
    this.#isShown = true;
    setLiveLine(this);
  }

  /** Removes it, so that something else can be written. */
  clear(): void {
    if (!this.#isShown) return;
    this.#write("\r\x1b[J");
    this.#isShown = false;
    setLiveLine(null);
  }
}
