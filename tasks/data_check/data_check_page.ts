/**
 * The page of `data check`.
 *
 * @module
 */
import { createImageDecoder, type ImageDecoder } from "../../data/images/decode.ts";
import type { RgbImage } from "../../data/images/image.ts";
import { openSource } from "../../data/sources/open_source.ts";
import { resize } from "../../data/images/resize.ts";
import type { Source } from "../../data/sources/source.ts";
import { formatCount } from "../../core/number_formats.ts";
import { escapeHtml, figureCards, htmlPage, htmlTable } from "../../report/html.ts";
import { pngAddress } from "../../report/png.ts";
import { dataLocation } from "../../pipeline/images/data_sources.ts";
import type { CheckedImage, DataCheck, DuplicateGroup } from "./data_check.ts";

/** Groups and rows shown on the page; `--json` has all. */
const mostGroups = 40;
const mostOfGroup = 6;
const mostRows = 200;
/** Longer edge of a picture. */
const pictureSide = 160;

const style = `
.groups{display:flex;flex-wrap:wrap;gap:1.4rem 2.2rem;margin:1rem 0}
.group p{margin:0 0 .5rem}
.row{display:flex;flex-wrap:wrap;gap:.6rem;align-items:flex-start}
.row figure{width:10rem}
.row img{width:10rem;height:10rem;object-fit:contain;background:var(--empty);border-radius:.3rem}
.tag{color:var(--bad);font-weight:600}
.files td,.files th{text-align:left;vertical-align:top}
`;

function shrunk(image: RgbImage): RgbImage {
  const scale = Math.min(1, pictureSide / Math.max(image.width, image.height));
  const side = (length: number) => Math.max(1, Math.round(length * scale));
  return resize(image, {
    width: side(image.width),
    height: side(image.height),
    interpolation: "bilinear",
  });
}

/** Reads images by id, from whichever split. */
class Album {
  readonly #places = new Map<string, { readonly source: Source; readonly index: number }>();
  readonly #sources: Source[] = [];
  readonly #decoder: ImageDecoder;

  private constructor(decoder: ImageDecoder) {
    this.#decoder = decoder;
  }

  static async open(location: string, wanted: ReadonlySet<string>): Promise<Album> {
    const album = new Album(await createImageDecoder());
    for (const split of ["train", "val", "test"]) {
      let source: Source;
      try {
        source = await openSource(dataLocation(location), { split });
      } catch {
        // It has no such split.
        continue;
      }
      album.#sources.push(source);
      for (let index = 0; index < source.length; index++) {
        const { id } = source.entry(index);
        if (wanted.has(id)) album.#places.set(id, { source, index });
      }
    }
    return album;
  }

  async figure({ id, part, className, width, height }: CheckedImage): Promise<string> {
    const place = this.#places.get(id);
    const name = escapeHtml(id);
    const caption = [className, part, `${width}\u00a0×\u00a0${height}`].filter((text) =>
      text !== null
    )
      .map((text) => escapeHtml(text!)).join(" · ");
    let picture = "";
    if (place !== undefined) {
      const image = await this.#decoder.decode(await place.source.read(place.index), id);
      picture = `<img src="${await pngAddress(shrunk(image))}" alt="${name}">`;
    }
    return `<figure>${picture}<figcaption>${name}<br>${caption}</figcaption></figure>`;
  }

  close(): void {
    for (const source of this.#sources) source.close?.();
  }
}

async function groupHtml(group: DuplicateGroup, album: Album): Promise<string> {
  const figures: string[] = [];
  for (const image of group.images.slice(0, mostOfGroup)) figures.push(await album.figure(image));
  const tags = [
    group.isExact ? "the same file" : "look alike",
    ...(group.isAcrossParts ? ["in training and evaluation"] : []),
    ...(group.hasOtherClasses ? ["in different classes"] : []),
  ];
  const more = group.images.length - figures.length;
  const isBad = group.isAcrossParts || group.hasOtherClasses;
  return `<div class="group"><p${isBad ? ' class="tag"' : ""}>${group.images.length} images: ` +
    `${tags.join(", ")}${more > 0 ? `; ${more} more are not shown` : ""}</p>` +
    `<div class="row">${figures.join("")}</div></div>`;
}

function classTable({ classes, parts }: DataCheck): string {
  if (classes.length === 0) return "<p>The images have no class labels.</p>";
  const names = parts.map(({ name }) => name);
  const rows = classes.slice(0, mostRows).map(({ name, images }) => [
    name,
    ...names.map((part) => String(images[part] ?? 0)),
  ]);
  const more = classes.length > rows.length
    ? `<p>${classes.length - rows.length} more classes</p>`
    : "";
  return htmlTable([["class", ...names], ...rows]) + more;
}

function unreadableTable({ unreadable }: DataCheck): string {
  if (unreadable.length === 0) return "<p>Every image can be read.</p>";
  const rows = unreadable.slice(0, mostRows).map(({ id, part, reason }) => [id, part, reason]);
  const more = unreadable.length - rows.length;
  return `<div class="files">${htmlTable([["file", "part", "why"], ...rows])}</div>` +
    (more > 0 ? `<p>${more} more are not shown</p>` : "");
}

/** The shorter edges of all images; a single number if they are all the same. */
function edgeFigures(
  { least, median, most }: NonNullable<DataCheck["shortEdge"]>,
): (readonly [name: string, value: string])[] {
  if (least === most) return [["shorter edge", `${least} px`]];
  return [
    ["shorter edge, median", `${Math.round(median)} px`],
    ["shorter edge, range", `${least} to ${most} px`],
  ];
}

/** A check's figures: names and values. */
export function checkFigures(check: DataCheck): (readonly [name: string, value: string])[] {
  const { images, unreadable, classes, shortEdge, largest, duplicates } = check;
  const count = (is: (group: DuplicateGroup) => boolean) =>
    duplicates.filter(is).reduce((sum, group) => sum + group.images.length - 1, 0);
  const across = duplicates.filter((group) => group.isAcrossParts).length;
  return [
    ["readable images", formatCount(images)],
    ["unreadable", formatCount(unreadable.length)],
    ["classes", formatCount(classes.length)],
    ...(shortEdge === null ? [] : edgeFigures(shortEdge)),
    ...(largest === null
      ? []
      : [["largest image", `${largest.width} × ${largest.height}`] as const]),
    ["copies of a file", formatCount(count(({ isExact }) => isExact))],
    ["images that look alike", formatCount(count(({ isExact }) => !isExact))],
    ["duplicates across the split", formatCount(across)],
  ];
}

/** The page: figures, unreadable files, classes, and duplicates with pictures. */
export async function dataCheckPage(check: DataCheck): Promise<string> {
  const shown = check.duplicates.slice(0, mostGroups);
  const wanted = new Set(shown.flatMap((group) => group.images.map(({ id }) => id)));
  const album = await Album.open(check.source, wanted);
  try {
    const groups: string[] = [];
    for (const group of shown) groups.push(await groupHtml(group, album));
    const more = check.duplicates.length - shown.length;
    const body = [
      figureCards(checkFigures(check)),
      ...check.notes.map((note) => `<p class="faint">${escapeHtml(note)}</p>`),
      "<h2>Unreadable images</h2>",
      unreadableTable(check),
      "<h2>Classes</h2>",
      classTable(check),
      "<h2>Duplicates</h2>",
      groups.length === 0
        ? "<p>No two images are the same or look alike.</p>"
        : `<div class="groups">${groups.join("\n")}</div>`,
      ...(more > 0 ? [`<p>${more} more groups are not shown; --json lists them.</p>`] : []),
    ];
    return htmlPage(`Images in ${check.source}`, body.join("\n"), style);
  } finally {
    album.close();
  }
}
