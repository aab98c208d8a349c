/**
 * A model's output for a few images, the same ones throughout a run.
 *
 * @module
 */

import { escapeHtml } from "./html.ts";
import { pngAddress, type RgbPicture } from "./png.ts";

/** Red, green and blue, each in 0 … 255. */
export type Rgb = readonly [number, number, number];

/** An image with the pictures derived from it. */
export interface PictureRow {
  /** The image's name in its source. */
  readonly id: string;
  /** A line below it: class, share of correct patches, … */
  readonly caption: string;
  /** One picture per column of the sheet. */
  readonly pictures: readonly RgbPicture[];
  /** Whether the model was right about it; omitted if that does not apply. */
  readonly isRight?: boolean;
}

/** Rows of pictures from one point in a run. */
export interface PictureSheet {
  /** Heading of the sheet. */
  readonly title: string;
  /** What is shown, for a reader who knows the method. */
  readonly explanation: string;
  /** Headings of the pictures in a row. */
  readonly columns: readonly string[];
  /** One row for each image. */
  readonly rows: readonly PictureRow[];
  /** What its colours mean, if they mean the same everywhere. */
  readonly legend?: readonly { readonly name: string; readonly color: Rgb }[];
  /** Metrics of the whole batch by name, such as the share of correct patches; drawn as curves. */
  readonly figures: Readonly<Record<string, number>>;
}

/** The name under which the metrics of sheets are recorded as evaluations. */
export const fixedImages = "fixed images";

/** Maximum size of a picture on a page, along its longer side in pixels. */
const mostPixels = 160;

/** A picture of at most 160 px per side: each pixel is the mean of those it covers. */
export function thumbnail(picture: RgbPicture): RgbPicture {
  const scale = mostPixels / Math.max(picture.width, picture.height);
  if (scale >= 1) return picture;
  const [width, height] = [picture.width, picture.height].map((n) =>
    Math.max(1, Math.round(n * scale))
  );
  const data = new Uint8Array(width * height * 3);
  const from = (place: number, size: number, whole: number) => Math.floor(place * whole / size);
  for (let y = 0; y < height; y++) {
    const [top, bottom] = [from(y, height, picture.height), from(y + 1, height, picture.height)];
    for (let x = 0; x < width; x++) {
      const [left, right] = [from(x, width, picture.width), from(x + 1, width, picture.width)];
      const count = (bottom - top) * (right - left);
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        for (let row = top; row < bottom; row++) {
          for (let column = left; column < right; column++) {
            sum += picture.data[(row * picture.width + column) * 3 + c];
          }
        }
        data[(y * width + x) * 3 + c] = Math.round(sum / count);
      }
    }
  }
  return { width, height, data };
}

/** The colour for masked patches: one that rarely occurs in pictures, least of all in grey ones. */
export const maskColor: Rgb = [66, 104, 178];

/** One colour per id, different from its neighbours' in the list. */
export function idColor(id: number): [number, number, number] {
  // Steps of the golden ratio around the colour circle, and three brightness levels.
  const hue = (id * 0.618033988749895) % 1;
  const light = 0.4 + 0.15 * (Math.floor(id / 8) % 3);
  const channel = (offset: number) => {
    const place = (offset + 12 * hue) % 12;
    const range = 0.65 * Math.min(light, 1 - light);
    return Math.round(255 * (light - range * Math.max(-1, Math.min(place - 3, 9 - place, 1))));
  };
  return [channel(0), channel(8), channel(4)];
}

/** A picture with one square per patch of a grid. */
export function patchMap(
  grid: number,
  color: (patch: number) => readonly [number, number, number],
): RgbPicture {
  const data = new Uint8Array(grid * grid * 3);
  for (let patch = 0; patch < grid * grid; patch++) data.set(color(patch), patch * 3);
  return { width: grid, height: grid, data };
}

/** A picture in which the patches selected by `blend` are tinted. */
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

/** A picture in dark grey, as a background for overlays. */
export function dimmed(picture: RgbPicture): RgbPicture {
  const data = new Uint8Array(picture.data.length);
  for (let at = 0; at < data.length; at += 3) {
    const [r, g, b] = picture.data.subarray(at, at + 3);
    data.fill(Math.round(0.35 * (0.299 * r + 0.587 * g + 0.114 * b) + 20), at, at + 3);
  }
  return { ...picture, data };
}

/** Pictures from this size up are photographs, drawn smoothly; smaller ones show their pixels. */
const smoothPixels = 65;

async function figureHtml(sheet: PictureSheet, row: PictureRow): Promise<string> {
  const cells = await Promise.all(row.pictures.map(async (picture, column) => {
    const label = `${sheet.columns[column]} of ${row.id}`;
    const kind = picture.width < smoothPixels ? ' class="pixels"' : "";
    const { width, height } = picture;
    const address = await pngAddress(thumbnail(picture));
    return `<img src="${address}" width="${width}" height="${height}" alt="${
      escapeHtml(label)
    }"${kind}>`;
  }));
  const tone = row.isRight === undefined ? "" : ` class="${row.isRight ? "right" : "wrong"}"`;
  // Parts that may be separated by line breaks, but not broken inside.
  const caption = row.caption.split(" · ").map((part) => `<span>${escapeHtml(part)}</span>`);
  return `<figure${tone}><div class="row">${cells.join("")}</div><figcaption>${
    caption.join(" ")
  }</figcaption></figure>`;
}

/** The sheet as HTML. */
export async function pictureSheetHtml(sheet: PictureSheet): Promise<string> {
  const { columns, explanation, legend = [] } = sheet;
  const rows = await Promise.all(sheet.rows.map((row) => figureHtml(sheet, row)));
  const head = columns.map((name) => `<span>${escapeHtml(name)}</span>`).join("");
  const heads = columns.length === 1 ? "" : `<div class="row head">${head}</div>`.repeat(3);
  const colors = legend.map(({ name, color }) =>
    `<span><i style="background:rgb(${color.join()})"></i>${escapeHtml(name)}</span>`
  );
  const width = columns.length === 1 ? "one" : columns.length <= 3 ? "few" : "many";
  return `<p>${escapeHtml(explanation)}</p>` +
    (colors.length === 0 ? "" : `<p class="legend">${colors.join("")}</p>`) +
    `<div class="sheet ${width}" style="--columns:${columns.length}">${heads}${
      rows.join("")
    }</div>`;
}

/** The style for sheets: as many rows side by side as there is room for, each with its headings. */
export const pictureSheetStyle = `
.sheet{display:grid;gap:.9rem 1.4rem;margin:1rem 0}
.sheet.one{grid-template-columns:repeat(auto-fill,minmax(min(47%,9rem),1fr))}
.sheet .row{display:grid;grid-template-columns:repeat(var(--columns),1fr);gap:.35rem}
.sheet .head{font-size:.85rem;color:var(--faint);align-items:end;margin-bottom:-.5rem}
.sheet .head:not(:first-child){display:none}
.sheet img{width:100%;height:auto;border-radius:.3rem;background:var(--empty)}
.sheet img.pixels{image-rendering:pixelated}
.sheet figcaption{margin-top:.3rem;display:flex;flex-wrap:wrap;gap:0 .8em}
.sheet .right img,.sheet .wrong img{border:3px solid var(--good)}
.sheet .wrong img{border-color:var(--bad)}
.sheet .wrong figcaption{color:var(--bad)}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1rem;max-width:none;font-size:.9rem;color:var(--faint)}
.legend i{display:inline-block;width:.8em;height:.8em;border-radius:.2em;margin-right:.4em}
@media(min-width:52rem){.sheet.few,.sheet.many{grid-template-columns:1fr 1fr}
.sheet:not(.one) .head:nth-child(2){display:grid}}
@media(min-width:72rem){.sheet.few{grid-template-columns:1fr 1fr 1fr}
.sheet.few .head:nth-child(3){display:grid}}
`;
