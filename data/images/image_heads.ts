/**
 * The sizes of a source's images, and which files are not images, without decoding any.
 *
 * @module
 */
import { messageOf } from "../../core/errors.ts";
import { fileStore } from "../archives/byte_store.ts";
import { defaultMaxPixels } from "./pixel_limit.ts";
import { type ImageSize, imageSize } from "./image_size.ts";
import type { Source } from "../sources/source.ts";

/** What the headers of a source's files say. */
export interface ImageHeads {
  /** Number of files examined: all, or as many as requested. */
  readonly examined: number;
  readonly sizes: readonly ImageSize[];
  /** Files that no decoder can read, each with the reason. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
}

/** How to look. */
export interface ImageHeadsOptions {
  /** Number of files to examine, spread over the source; default: all. */
  readonly most?: number;
  /** Images with more pixels are too large; default: the loader's default. */
  readonly maxPixels?: number;
  /** Called with the number of files examined. */
  readonly onProgress?: (done: number, total: number) => void;
}

/** Bytes that contain the size in nearly every file. */
const headBytes = 1 << 16;

/** Why a file cannot be read, or its size. */
function judge(bytes: Uint8Array, maxPixels: number): ImageSize | string {
  if (bytes.length === 0) return "empty";
  const size = imageSize(bytes);
  if (size === undefined) return "not an image, or corrupt";
  const { width, height } = size;
  return width * height > maxPixels ? `too large: ${width} × ${height} pixels` : size;
}

async function look(source: Source, index: number, maxPixels: number): Promise<ImageSize | string> {
  try {
    const location = source.locate?.(index);
    if (location?.kind !== "file") return judge(await source.read(index), maxPixels);
    const store = fileStore(location.path);
    try {
      const head = judge(store.read(0, headBytes), maxPixels);
      const isEnough = typeof head !== "string" || store.size <= headBytes;
      // A large thumbnail, or a TIFF with its directory at the end.
      return isEnough ? head : judge(store.read(0, store.size), maxPixels);
    } finally {
      store.close();
    }
  } catch (error) {
    return messageOf(error).split("\n")[0];
  }
}

/** Examines the headers of files. */
export async function readImageHeads(
  source: Source,
  options: ImageHeadsOptions = {},
): Promise<ImageHeads> {
  const { most = source.length, maxPixels = defaultMaxPixels, onProgress } = options;
  const examined = Math.min(most, source.length);
  const sizes: ImageSize[] = [];
  const unreadable: { id: string; reason: string }[] = [];
  for (let turn = 0; turn < examined; turn++) {
    const index = Math.floor(turn * source.length / examined);
    const found = await look(source, index, maxPixels);
    if (typeof found === "string") unreadable.push({ id: source.entry(index).id, reason: found });
    else sizes.push(found);
    onProgress?.(turn + 1, examined);
  }
  return { examined, sizes, unreadable };
}
