/**
 * Folders of images, with or without classes, splits and list files.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { followLink, listFiles } from "./folder_listing.ts";
import { IndexedSource } from "./indexed_source.ts";
import { chooseSplit, layoutByFolders, sorted } from "./layout.ts";
import { parseList, readListFile } from "./list_file.ts";
import type { Source } from "./source.ts";
import type { SourceOptions } from "./source_options.ts";

function foldersIn(path: string): string[] {
  const names: string[] = [];
  for (const entry of Deno.readDirSync(path)) {
    if (entry.name.startsWith(".") || entry.isFile) continue;
    if (entry.isDirectory || followLink(`${path}/${entry.name}`)?.isDirectory) {
      names.push(entry.name);
    }
  }
  return sorted(names);
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

function openList(list: string, root: string, split: string, options: SourceOptions): Source {
  const text = readListFile(list);
  if (text === undefined) {
    throw new UserError(`Cannot read list "${list}": there is no such file`, {
      hint: "check data.listFile",
    });
  }
  const { paths, labels, classes } = parseList(text, list);
  const isLabelled = options.labels !== "none";
  return new IndexedSource({
    split,
    layout: {
      members: Uint32Array.from(paths, (_, index) => index),
      labels: isLabelled ? labels : new Int32Array(paths.length).fill(-1),
      classes: isLabelled ? classes : [],
    },
    idOf: (member) => paths[member],
    locationOf: (member) => ({ kind: "file", path: `${root}/${paths[member]}` }),
  });
}

/** Opens a folder. */
export function openFolder(path: string, options: SourceOptions): Source {
  const root = path.replace(/(?<=.)\/+$/, "");
  const folders = foldersIn(root);
  const split = chooseSplit(folders, options.split, root);
  const below = split === "" ? root : `${root}/${split}`;
  if (options.list !== undefined) {
    // As given or, as in mmselfsup, relative to the data set's folder.
    const inside = `${root}/${options.list}`;
    const isInside = !exists(options.list) && exists(inside);
    return openList(isInside ? inside : options.list, below, split, options);
  }
  const list = `${root}/meta/${split}.txt`;
  if (split !== "" && exists(list)) return openList(list, below, split, options);
  const paths = listFiles(below, options.cacheDirectory);
  return new IndexedSource({
    split,
    layout: layoutByFolders(paths, options.labels ?? "auto", below),
    idOf: (member) => split === "" ? paths[member] : `${split}/${paths[member]}`,
    locationOf: (member) => ({ kind: "file", path: `${below}/${paths[member]}` }),
  });
}
