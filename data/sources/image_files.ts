/**
 * Single image files as a source.
 *
 * @module
 */

import { messageOf, UserError } from "../../core/errors.ts";
import { isUnreadableImage, skippedFiles } from "./file_names.ts";
import { IndexedSource } from "./indexed_source.ts";
import { isImagePath } from "./layout.ts";
import { openSource } from "./open_source.ts";
import type { SourceOptions } from "./source_options.ts";
import type { Source } from "./source.ts";

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch (cause) {
    throw new UserError(`Cannot read the image "${path}": ${messageOf(cause)}`, { cause });
  }
}

/**
 * Image files given one by one, without labels, in the given order; or, for a single path that is not an image
 * file, the folder or archive that it names.
 *
 * @throws UserError if a path does not exist, or if several are given and one is not an image file
 *
 * @example
 * ```ts
 * import { openImages } from "./image_files.ts";
 * const path = await Deno.makeTempFile({ suffix: ".pgm" });
 * await Deno.writeTextFile(path, "P5 1 1 255\nA");
 * const source = await openImages([path]);
 * if (source.length !== 1 || source.entry(0).id !== path) throw new Error();
 * source.close?.();
 * await Deno.remove(path);
 * ```
 */
export async function openImages(
  paths: readonly string[],
  options: SourceOptions = {},
): Promise<Source> {
  const other = paths.find((path) => !isImagePath(path));
  if (other !== undefined && isUnreadableImage(other)) {
    isFile(other);
    const [reason] = skippedFiles([other]);
    throw new UserError(`Cannot read "${other}": it is an image in a format that cannot be read`, {
      hint: reason.slice(reason.lastIndexOf("; ") + 2),
    });
  }
  if (other !== undefined && paths.length === 1) return await openSource(other, options);
  const missing = other ?? paths.find((path) => !isFile(path));
  if (missing !== undefined || paths.length === 0) {
    throw new UserError(`Cannot read "${missing ?? ""}" as an image`, {
      hint: "give image files, or one folder or archive",
    });
  }
  return new IndexedSource({
    layout: {
      members: Uint32Array.from(paths, (_, index) => index),
      labels: new Int32Array(paths.length).fill(-1),
      classes: [],
    },
    idOf: (member) => paths[member],
    locationOf: (member) => ({ kind: "file", path: paths[member] }),
  });
}
