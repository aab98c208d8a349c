/**
 * Text in pictures, with a bundled font: not every machine has fonts, and a sheet must look the same
 * everywhere. Drawn from DejaVu Sans by tools/make_sheet_font.ts.
 *
 * @module
 */

import font from "../assets/sheet_font.json" with { type: "json" };
import type { RgbPicture } from "./png.ts";

/** Pixels from one line of text to the next. */
export const lineHeight: number = font.height + 2;

/** A letter: the coverage of each pixel, 0 … 15. */
interface Letter {
  readonly width: number;
  readonly levels: Uint8Array;
}

const glyphs: Readonly<Record<string, string>> = font.glyphs;
const drawn = new Map<string, Letter>();

/** A character in the font: the letter itself, the letter without its accents, or a box. */
function known(character: string): string {
  if (Object.hasOwn(glyphs, character)) return character;
  const plain = character.normalize("NFD")[0];
  if (Object.hasOwn(glyphs, plain)) return plain;
  return /\s/.test(character) ? " " : "□";
}

function letterOf(character: string): Letter {
  const name = known(character);
  const before = drawn.get(name);
  if (before !== undefined) return before;
  const [width, code] = glyphs[name].split(":");
  const digits = code.replace(/z(\d+)\./g, (_, count) => "0".repeat(Number(count)));
  const letter = {
    width: Number(width),
    levels: Uint8Array.from(digits, (digit) => parseInt(digit, 16)),
  };
  drawn.set(name, letter);
  return letter;
}

/** The width of a text in pixels. */
export function textWidth(text: string): number {
  return Array.from(text.normalize("NFC"), (character) => letterOf(character).width)
    .reduce((a, b) => a + b, 0);
}

/**
 * A text shortened to at most `width` pixels by leaving out its middle: the end of a file name says most.
 *
 * @example
 * ```ts
 * import { fitText, textWidth } from "./letters.ts";
 * const short = fitText("photos/a-long-name-of-a-file.jpg", 120);
 * if (textWidth(short) > 120 || !short.endsWith(".jpg")) throw new Error(short);
 * ```
 */
export function fitText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const characters = [...text.normalize("NFC")];
  for (let kept = characters.length - 1; kept > 0; kept--) {
    const first = Math.floor(kept / 3);
    const end = characters.slice(characters.length - (kept - first));
    const cut = [...characters.slice(0, first), "…", ...end].join("");
    if (textWidth(cut) <= width) return cut;
  }
  return "";
}

/** A text in lines of at most `width` pixels, broken at spaces; longer words are cut. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(/\s+/)) {
    const longer = lines.length === 0 ? word : `${lines[lines.length - 1]} ${word}`;
    if (lines.length > 0 && textWidth(longer) <= width) lines[lines.length - 1] = longer;
    else lines.push(fitText(word, width));
  }
  return lines;
}

/**
 * Draws a line of text into a picture, clipping what lies outside.
 *
 * @param x left end of the text
 * @param y top of the line
 */
export function drawText(
  { width, height, data }: RgbPicture,
  text: string,
  { x, y, color }: {
    readonly x: number;
    readonly y: number;
    readonly color: readonly [number, number, number];
  },
): void {
  let left = x;
  for (const character of text.normalize("NFC")) {
    const letter = letterOf(character);
    for (const [pixel, level] of letter.levels.entries()) {
      const column = left + pixel % letter.width;
      const row = y + Math.floor(pixel / letter.width);
      if (level === 0 || column < 0 || column >= width || row < 0 || row >= height) continue;
      const at = (row * width + column) * 3;
      for (let c = 0; c < 3; c++) {
        data[at + c] = Math.round(data[at + c] + (color[c] - data[at + c]) * level / 15);
      }
    }
    left += letter.width;
  }
}
