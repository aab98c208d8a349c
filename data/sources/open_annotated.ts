/**
 * Opens images with label maps, in ADE20K's layout.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { withoutListed } from "./exclude.ts";
import { listFiles } from "./folder_listing.ts";
import { IndexedSource } from "./indexed_source.ts";
import { chooseSplit, isImagePath, noImages, sorted } from "./layout.ts";
import type { Source } from "./source.ts";

function foldersIn(path: string): string[] {
  try {
    return sorted(
      [...Deno.readDirSync(path)].filter((entry) => !entry.isFile).map(({ name }) => name),
    );
  } catch (cause) {
    throw new UserError(`Cannot read images with label maps from "${path}": ${messageOf(cause)}`, {
      hint: "give a folder with images/training, annotations/training and the same for validation",
      cause,
    });
  }
}

const stemOf = (path: string) => path.replace(/\.[^./]+$/, "");

function sourceOf(root: string, paths: readonly string[]): IndexedSource {
  return new IndexedSource({
    layout: {
      members: Uint32Array.from(paths, (_, index) => index),
      labels: new Int32Array(paths.length).fill(-1),
      classes: [],
    },
    idOf: (member) => `${root}/${paths[member]}`,
    locationOf: (member) => ({ kind: "file", path: `${root}/${paths[member]}` }),
  });
}

/**
 * The images in `root/images/SPLIT` with the label maps of the same name (without extension) in
 * `root/annotations/SPLIT`, sorted by name.
 *
 * @param exclude file that lists images to exclude, below `root`; null for none
 * @throws UserError if a folder or a label map is missing
 */
export function openAnnotated(root: string, split: string, exclude: string | null = null): Source {
  const folder = chooseSplit(foldersIn(`${root}/images`), split, `${root}/images`);
  const [images, annotations] = ["images", "annotations"].map((part) =>
    folder === "" ? `${root}/${part}` : `${root}/${part}/${folder}`
  );
  const paths = sorted(listFiles(images).filter(isImagePath));
  if (paths.length === 0) throw noImages(images);
  foldersIn(annotations);
  const maps = new Map(
    listFiles(annotations).filter(isImagePath).map((path) => [stemOf(path), path]),
  );
  const own = paths.map((path) => {
    const found = maps.get(stemOf(path));
    if (found !== undefined) return found;
    throw new UserError(
      `Cannot find the label map of "${images}/${path}": expected "${annotations}/` +
        `${stemOf(path)}.png"`,
      { hint: "every image needs one; remove images without labels" },
    );
  });
  const [pictures, masks] = [sourceOf(images, paths), sourceOf(annotations, own)];
  const source: Source = {
    length: pictures.length,
    classes: [],
    entry: (index) => pictures.entry(index),
    read: (index) => pictures.read(index),
    locate: (index) => pictures.locate(index),
    annotations: masks,
    close() {
      pictures.close();
      masks.close();
    },
  };
  return exclude === null ? source : withoutListed(source, exclude, root);
}
