/**
 * What a model makes of a few images, the same ones all through a run.
 *
 * @module
 */

import { escapeHtml } from "./html.ts";
import { pngAddress, type RgbPicture } from "./png.ts";

/** An image with the pictures that were made of it. */
export interface PictureRow {
  readonly id: string;
  /** A line below: class, share of right patches, … */
  readonly caption: string;
  /** One picture for each column of the sheet. */
  readonly pictures: readonly RgbPicture[];
}

/** Rows of pictures, of one moment of a run. */
export interface PictureSheet {
  readonly title: string;
  /** What there is to see, for a reader who knows the method. */
  readonly explanation: string;
  readonly columns: readonly string[];
  readonly rows: readonly PictureRow[];
  /** Figures of the whole batch by name, such as the share of right patches; drawn as curves. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The name under which the figures of sheets are recorded as evaluations. */
export const fixedImages = "fixed images";

const mostPixels = 128;

/** A picture of at most 128 px a side: means over squares of pixels. */
export function thumbnail(picture: RgbPicture): RgbPicture {
  const factor = Math.ceil(Math.max(picture.width, picture.height) / mostPixels);
  if (factor <= 1) return picture;
  const [width, height] = [picture.width, picture.height].map((n) => Math.floor(n / factor));
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let dy = 0; dy < factor; dy++) {
          const row = (y * factor + dy) * picture.width + x * factor;
          for (let dx = 0; dx < factor; dx++) sum += picture.data[(row + dx) * 3 + c];
        }
        data[(y * width + x) * 3 + c] = Math.round(sum / factor ** 2);
      }
    }
  }
  return { width, height, data };
}

/** One color for each id that neighbours in the list do not share. */
export function idColor(id: number): [number, number, number] {
  // Steps of the golden ratio around the colour circle, and three levels of brightness.
  const hue = (id * 0.618033988749895) % 1;
  const light = 0.4 + 0.15 * (Math.floor(id / 8) % 3);
  const channel = (offset: number) => {
    const place = (offset + 12 * hue) % 12;
    const range = 0.65 * Math.min(light, 1 - light);
    return Math.round(255 * (light - range * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** A picture with one square for each patch of a grid. */
export function patchMap(
  grid: number,
  color: (patch: number) => readonly [number, number, number],
): RgbPicture {
  const data = new Uint8Array(grid * grid * 3);
  for (let patch = 0; patch < grid * grid; patch++) data.set(color(patch), patch * 3);
  return { width: grid, height: grid, data };
}

/** A picture with the patches that `blend` names pulled towards a colour. */
export function overPatches(
  picture: RgbPicture,
  grid: number,
  blend: (patch: number) => { color: readonly [number, number, number]; share: number } | null,
): RgbPicture {
  const data = picture.data.slice();
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < picture.width; x++) {
      const patch = Math.floor(y * grid / picture.height) * grid +
        Math.floor(x * grid / picture.width);
      const over = blend(patch);
      if (over === null) continue;
      const at = (y * picture.width + x) * 3;
      for (let c = 0; c < 3; c++) {
        data[at + c] = Math.round((1 - over.share) * data[at + c] + over.share * over.color[c]);
      }
    }
  }
  return { ...picture, data };
}

/** The sheet as HTML. */
export async function pictureSheetHtml(sheet: PictureSheet): Promise<string> {
  const rows = await Promise.all(sheet.rows.map(async ({ id, caption, pictures }) => {
    const cells = await Promise.all(pictures.map(async (picture, column) => {
      const label = `${sheet.columns[column]} of ${id}`;
      return `<img src="${await pngAddress(thumbnail(picture))}" alt="${escapeHtml(label)}">`;
    }));
    return `<figure><div class="row">${cells.join("")}</div><figcaption>${
      escapeHtml(caption)
    }</figcaption></figure>`;
  }));
  const head = sheet.columns.map((name) => `<span>${escapeHtml(name)}</span>`).join("");
  const style = `--columns:${sheet.columns.length}`;
  return `<p>${escapeHtml(sheet.explanation)}</p><div class="sheet" style="${style}">` +
    `<div class="row head">${head}</div>${rows.join("")}</div>`;
}

/** The style of sheets. */
export const pictureSheetStyle = `
.sheet{max-width:calc(var(--columns)*8rem)}
.sheet .row{display:grid;grid-template-columns:repeat(var(--columns),1fr);gap:.3rem}
.sheet .head{font-size:.85rem;color:var(--faint)}
.sheet figure{margin:.3rem 0 .7rem}
.sheet img{width:100%;aspect-ratio:1;image-rendering:pixelated;border-radius:.2rem}
`;

/** The sheet as one picture, rows of squares of `side` px with a gap between. */
export function tile({ rows, columns }: PictureSheet, side = 96, gap = 4): RgbPicture {
  const width = columns.length * (side + gap) - gap;
  const height = Math.max(1, rows.length * (side + gap) - gap);
  const data = new Uint8Array(width * height * 3).fill(255);
  for (const [row, { pictures }] of rows.entries()) {
    for (const [column, picture] of pictures.entries()) {
      for (let y = 0; y < side; y++) {
        const from = Math.floor(y * picture.height / side) * picture.width;
        const to = ((row * (side + gap) + y) * width + column * (side + gap)) * 3;
        for (let x = 0; x < side; x++) {
          const at = (from + Math.floor(x * picture.width / side)) * 3;
          data.set(picture.data.subarray(at, at + 3), to + x * 3);
        }
      }
    }
  }
  return { width, height, data };
}
