/**
 * What a file is, judging by its name: a readable image, an unreadable one, or something else.
 *
 * @module
 */

/** Extensions of the formats that some decoder reads. */
const readable = [
  "jpg",
  "jpeg",
  "png",
  "webp",
  "gif",
  "tif",
  "tiff",
  "avif",
  "heic",
  "heif",
  "bmp",
  "pgm",
  "ppm",
  "pnm",
];

/** Images that no decoder reads, with how to convert one. */
const unreadable: Readonly<Record<string, string>> = {
  svg: "convert it with rsvg-convert IN.svg -o OUT.png",
  jxl: "convert it with djxl IN.jxl OUT.png",
  jp2: "convert it with magick IN.jp2 OUT.png",
  psd: "convert it with magick IN.psd[0] OUT.png",
  tga: "convert it with magick IN.tga OUT.png",
  ico: "convert it with magick IN.ico OUT.png",
  exr: "convert it with magick IN.exr OUT.png",
  ...Object.fromEntries(
    ["cr2", "cr3", "nef", "arw", "dng", "raf", "orf", "rw2"].map((
      ending,
    ) => [ending, `develop it with dcraw -w -T IN.${ending}`]),
  ),
};

/** The extensions in words, for messages. */
export const imageEndings =
  `${readable.slice(0, -1).map((ending) => `.${ending}`).join(", ")} or ` +
  `.${readable.at(-1)}`;

const imageName = new RegExp(`\\.(${readable.join("|")})$`, "i");

/** Whether a path is hidden, or belongs to the system (\`Thumbs.db\`). */
export function isHidden(path: string): boolean {
  return /(^|\/)(\.|__MACOSX\/|Thumbs\.db$|desktop\.ini$)/i.test(path);
}

/** Whether a path is an image's; hidden files are not. */
export function isImagePath(path: string): boolean {
  return imageName.test(path) && !/(^|\/)\./.test(path);
}

const endingOf = (path: string) => /\.([^./]+)$/.exec(path)?.[1].toLowerCase() ?? "";

/** Whether a path is that of an image in a format that no decoder reads. */
export function isUnreadableImage(path: string): boolean {
  return Object.hasOwn(unreadable, endingOf(path)) && !isHidden(path);
}

const plural = (count: number, noun: string) => `${count} ${noun}${count === 1 ? "" : "s"}`;

/** A line for each kind of file that is skipped in a data set: images first, then everything else. */
export function skippedFiles(paths: readonly string[]): string[] {
  const byEnding = new Map<string, { count: number; first: string }>();
  for (const path of paths) {
    const ending = endingOf(path);
    const { count, first } = byEnding.get(ending) ?? { count: 0, first: path };
    byEnding.set(ending, { count: count + 1, first: path < first ? path : first });
  }
  const lines: string[] = [];
  const rest: string[] = [];
  let restCount = 0;
  for (const [ending, { count, first }] of [...byEnding].sort(([a], [b]) => a < b ? -1 : 1)) {
    const remedy = unreadable[ending];
    if (remedy === undefined) {
      restCount += count;
      rest.push(ending === "" ? "without an extension" : `.${ending}`);
      continue;
    }
    const more = count > 1 ? ", …" : "";
    lines.push(
      `Skipped: ${plural(count, `.${ending} file`)}, which cannot be read ` +
        `(${JSON.stringify(first)}${more}); ${remedy}`,
    );
  }
  if (restCount > 0) {
    lines.push(
      `Skipped: ${plural(restCount, "file")} that ${
        restCount === 1 ? "is not an image" : "are not images"
      } ` +
        `(${rest.slice(0, 5).join(", ")}${rest.length > 5 ? ", …" : ""})`,
    );
  }
  return lines;
}
