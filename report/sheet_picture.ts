/**
 * A sheet of pictures as a single picture, including its title, the column names and the captions below each
 * row.
 *
 * @module
 */

import { drawText, fitText, lineHeight, wrapText } from "./letters.ts";
import type { PictureSheet, Rgb } from "./picture_sheet.ts";
import type { RgbPicture } from "./png.ts";

const [margin, gap, frameWidth] = [14, 8, 4];
const [ink, faint] = [[25, 28, 32], [95, 102, 110]] as const;
const [green, red] = [[26, 127, 75], [179, 64, 15]] as const;

/** Copies a picture into a square of `side` px, as large as will fit, without smoothing. */
function place(to: RgbPicture, picture: RgbPicture, left: number, top: number, side: number): void {
  const scale = side / Math.max(picture.width, picture.height);
  const [width, height] = [picture.width, picture.height].map((n) => Math.round(n * scale));
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y * picture.height / height) * picture.width;
    for (let x = 0; x < width; x++) {
      const from = (row + Math.floor(x * picture.width / width)) * 3;
      to.data.set(picture.data.subarray(from, from + 3), ((top + y) * to.width + left + x) * 3);
    }
  }
}

/** A frame around a cell. */
function frame(to: RgbPicture, color: Rgb, left: number, top: number, side: number): void {
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (Math.min(x, y, side - 1 - x, side - 1 - y) >= frameWidth) continue;
      to.data.set(color, ((top + y) * to.width + left + x) * 3);
    }
  }
}

/** Sheets with one column are laid out in as many columns as fit into this width, in pixels. */
const wanted = 640;

/**
 * The sheet on white, rows of squares of `side` px.
 *
 * @example
 * ```ts
 * import { sheetPicture } from "./sheet_picture.ts";
 * const picture = { width: 2, height: 2, data: new Uint8Array(12) };
 * const sheet = { title: "Masks", explanation: "Made up.", columns: ["image"], figures: {} };
 * const rows = [{ id: "a.png", caption: "a.png", pictures: [picture] }];
 * const { width, height } = sheetPicture({ ...sheet, rows }, 64);
 * if (width !== 92 || height < 64 + 3 * 20) throw new Error(`${width} × ${height}`);
 * ```
 */
export function sheetPicture(sheet: PictureSheet, side = 128): RgbPicture {
  const { title, explanation, columns, rows } = sheet;
  const isSingle = columns.length === 1;
  const rowWidth = columns.length * (side + gap) - gap;
  const most = isSingle ? Math.max(1, Math.floor((wanted + gap) / (side + gap))) : 1;
  const across = Math.max(1, Math.min(rows.length, most));
  const inner = across * (rowWidth + gap) - gap;
  const captions = rows.map(({ caption }) =>
    isSingle ? wrapText(caption, rowWidth).slice(0, 3) : [fitText(caption, rowWidth)]
  );
  const heads = isSingle ? [] : columns.map((name) => wrapText(name, side));
  const above = wrapText(explanation, inner);
  const headLines = Math.max(0, ...heads.map((lines) => lines.length));
  const below = Math.max(1, ...captions.map((lines) => lines.length)) * lineHeight + gap;
  const first = margin + lineHeight * (1 + above.length + headLines) + 2 * gap;
  const lines = Math.max(1, Math.ceil(rows.length / across));
  const [width, height] = [inner + 2 * margin, first + lines * (side + below) - gap + margin];
  const picture = { width, height, data: new Uint8Array(width * height * 3).fill(255) };
  const write = (texts: readonly string[], x: number, top: number, color: Rgb) => {
    for (const [line, text] of texts.entries()) {
      drawText(picture, text, { x, y: top + line * lineHeight, color });
    }
  };
  write([fitText(title, inner)], margin, margin, ink);
  write(above, margin, margin + lineHeight, faint);
  for (const [column, texts] of heads.entries()) {
    const top = first - gap / 2 - texts.length * lineHeight;
    write(texts, margin + column * (side + gap), top, ink);
  }
  for (const [row, { pictures, isRight }] of rows.entries()) {
    const left = margin + row % across * (rowWidth + gap);
    const top = first + Math.floor(row / across) * (side + below);
    for (const [column, one] of pictures.entries()) {
      const x = left + column * (side + gap);
      place(picture, one, x, top, side);
      if (isRight !== undefined) frame(picture, isRight ? green : red, x, top, side);
    }
    write(captions[row], left, top + side + 2, faint);
  }
  return picture;
}
