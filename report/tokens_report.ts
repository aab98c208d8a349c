/**
 * The page that shows what a tokenizer's codes stand for.
 *
 * @module
 */

import { type Bar, barList, escapeHtml, figureCards, htmlPage } from "./html.ts";
import { pngAddress, type RgbPicture } from "./png.ts";

/** An image with its tokens. */
export interface TokenizedPicture {
  readonly id: string;
  /** Name of its class, if any. */
  readonly className?: string;
  /** What the tokenizer saw. */
  readonly picture: RgbPicture;
  /** Code of each patch, row by row. */
  readonly tokens: Int32Array;
}

/** A code with examples of where it occurs. */
export interface CodeExamples {
  readonly code: number;
  /** Share of all tokens, in [0, 1]. */
  readonly share: number;
  /** The patches in their surroundings. */
  readonly patches: readonly RgbPicture[];
}

/** What the page shows. */
export interface TokensReport {
  readonly checkpoint: string;
  /** Where the images came from. */
  readonly data: string;
  /** Patches per side of an image. */
  readonly grid: number;
  /** Names and values of the figures at the top. */
  readonly figures: readonly (readonly [name: string, value: string])[];
  /** Accuracies from code histograms, the tokenizer's own first; null if the images have no labels. */
  readonly accuracies: readonly Bar[] | null;
  /** Hits of each code, [K]. */
  readonly hits: ArrayLike<number>;
  /** Colour of each code, [K, 3]; similar codes should have similar colours. */
  readonly colors: Uint8Array;
  readonly pictures: readonly TokenizedPicture[];
  /** The most used codes first. */
  readonly gallery: readonly CodeExamples[];
}

const style = `
.pictures{display:grid;gap:.9rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
.pictures figure,.gallery figure{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:.7rem}
.pictures figcaption,.gallery figcaption{margin-top:.5rem}
.maps{display:grid;grid-template-columns:1fr 1fr;gap:.35rem}
.maps svg{grid-column:1/-1}
.maps img,.maps svg,.patches img{width:100%;image-rendering:pixelated;border-radius:.3rem}
.gallery{display:grid;gap:.9rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
.patches{display:grid;grid-template-columns:repeat(6,1fr);gap:.25rem}
.histogram{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem}
.histogram svg{width:100%;height:9rem;border-bottom:1px solid var(--line)}
.ends{display:flex;justify-content:space-between;gap:1rem;color:var(--faint);font-size:.85rem;margin-top:.4rem}
`;

/** `3.4 %`; small shares keep two digits. */
function percent(share: number): string {
  const value = 100 * share;
  return `${value === 0 || value >= 1 ? value.toFixed(1) : value.toPrecision(2)} %`;
}

/** The image in the colours of its codes. */
function tinted(
  { picture, tokens }: TokenizedPicture,
  grid: number,
  colors: Uint8Array,
): RgbPicture {
  const { width, height, data } = picture;
  const tinted = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    const row = Math.floor(y * grid / height) * grid;
    for (let x = 0; x < width; x++) {
      const code = tokens[row + Math.floor(x * grid / width)];
      const at = (y * width + x) * 3;
      for (let c = 0; c < 3; c++) {
        tinted[at + c] = Math.round(0.4 * data[at + c] + 0.6 * colors[code * 3 + c]);
      }
    }
  }
  return { width, height, data: tinted };
}

/** The ids of an image's patches as a drawing. */
function idMap({ tokens, id }: TokenizedPicture, grid: number, colors: Uint8Array): string {
  const cell = 24;
  const cells = Array.from(tokens, (code, index) => {
    const [red, green, blue] = colors.subarray(code * 3, code * 3 + 3);
    const [x, y] = [index % grid * cell, Math.floor(index / grid) * cell];
    const ink = 0.299 * red + 0.587 * green + 0.114 * blue > 140 ? "#000" : "#fff";
    return `<rect x="${x}" y="${y}" width="${cell}" height="${cell}" fill="rgb(${red},${green},${blue})"/>` +
      `<text x="${x + cell / 2}" y="${y + cell / 2}" fill="${ink}">${code}</text>`;
  });
  const side = grid * cell;
  return `<svg viewBox="0 0 ${side} ${side}" role="img" aria-label="Codes of ${
    escapeHtml(id)
  }" font-size="9" font-family="system-ui,sans-serif" text-anchor="middle" ` +
    `dominant-baseline="central">${cells.join("")}</svg>`;
}

async function pictureFigure(
  shown: TokenizedPicture,
  { grid, colors }: TokensReport,
): Promise<string> {
  const name = escapeHtml(shown.id);
  const plain = await pngAddress(shown.picture);
  const colored = await pngAddress(tinted(shown, grid, colors));
  const different = new Set(shown.tokens).size;
  const label = shown.className === undefined ? "" : `${escapeHtml(shown.className)} · `;
  return `<figure><div class="maps"><img src="${plain}" alt="${name}">` +
    `<img src="${colored}" alt="Token map of ${name}">${idMap(shown, grid, colors)}</div>` +
    `<figcaption>${label}${name} · ${different} different ${
      different === 1 ? "code" : "codes"
    }</figcaption></figure>`;
}

async function codeFigure({ code, share, patches }: CodeExamples): Promise<string> {
  const images = await Promise.all(
    patches.map(async (patch) =>
      `<img src="${await pngAddress(patch)}" alt="A patch with code ${code}">`
    ),
  );
  return `<figure><div class="patches">${images.join("")}</div>` +
    `<figcaption>code ${code} · ${percent(share)} of all tokens</figcaption></figure>`;
}

/** The codes by frequency, as one area. */
function histogram(hits: ArrayLike<number>): string {
  const sorted = Array.from(hits).sort((a, b) => b - a);
  const total = sorted.reduce((sum, count) => sum + count, 0) || 1;
  const most = sorted[0] || 1;
  const [width, height] = [1000, 100];
  const step = width / sorted.length;
  const points = sorted.flatMap((count, index) => {
    const y = (height * (1 - count / most)).toFixed(2);
    return [`${(index * step).toFixed(2)} ${y}`, `${((index + 1) * step).toFixed(2)} ${y}`];
  });
  const used = sorted.filter((count) => count > 0).length;
  return `<figure class="histogram"><svg viewBox="0 0 ${width} ${height}" ` +
    `preserveAspectRatio="none" role="img" aria-label="Use of the codes, from the most to the least ` +
    `used"><path d="M0 ${height}L${points.join("L")}L${width} ${height}Z" ` +
    `fill="var(--accent)"/></svg><div class="ends"><span>most used code: ${
      percent(sorted[0] / total)
    } of all tokens</span><span>${used} of ${sorted.length} codes in use</span></div></figure>`;
}

/**
 * The page as a single HTML file.
 *
 * @example
 * ```ts
 * import { tokensReportPage } from "./tokens_report.ts";
 * const picture = { width: 2, height: 2, data: new Uint8Array(12).fill(200) };
 * const page = await tokensReportPage({
 *   checkpoint: "tokenizer.safetensors",
 *   data: "photos",
 *   grid: 2,
 *   figures: [["images", "1"]],
 *   accuracies: null,
 *   hits: [3, 1],
 *   colors: Uint8Array.of(255, 0, 0, 0, 0, 255),
 *   pictures: [{ id: "a<b>.png", picture, tokens: Int32Array.of(0, 0, 1, 0) }],
 *   gallery: [{ code: 0, share: 0.75, patches: [picture] }],
 * });
 * if (!page.includes("data:image/png;base64,") || page.includes("a<b>")) throw new Error();
 * ```
 */
export async function tokensReportPage(report: TokensReport): Promise<string> {
  const { checkpoint, data, figures, accuracies, hits, pictures, gallery } = report;
  const shown = await Promise.all(pictures.map((picture) => pictureFigure(picture, report)));
  const codes = await Promise.all(gallery.map(codeFigure));
  const parts = [
    `<p class="faint">Tokenizer ${escapeHtml(checkpoint)} on images of ${escapeHtml(data)}</p>`,
    ...accuracies === null ? [] : [
      `<div class="cards"><div class="card"><h2>k-NN accuracy by code histograms</h2>${
        barList(accuracies)
      }<p class="faint">Nearest neighbours by how often each code occurs in an image: nothing of ` +
      "the positions, nothing learnt from labels.</p></div></div>",
    ],
    figureCards(figures),
    "<h2>Use of the codes</h2>",
    histogram(hits),
    "<h2>Images and their tokens</h2>",
    "<p>What the tokenizer sees, the same overlaid with the colours of its codes, and the codes. Codes with " +
    "similar vectors have similar colours.</p>",
    `<div class="pictures">${shown.join("")}</div>`,
    "<h2>Patches that share a code</h2>",
    "<p>The most used codes; for each, patches from different images in their surroundings. The patch " +
    "itself is inside the frame.</p>",
    `<div class="gallery">${codes.join("")}</div>`,
  ];
  return htmlPage("Visual tokens", parts.join("\n"), style);
}
