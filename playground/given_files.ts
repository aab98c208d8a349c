/// <reference lib="dom" />

/** Chosen or dropped files by their paths. @module */

import type { GivenFile } from "../checkpoints/store/given_files.ts";

/** Files with their paths. */
export function givenFiles(files: Iterable<File>): GivenFile[] {
  return Array.from(files, (content) => ({
    path: content.webkitRelativePath || content.name,
    content,
  }));
}

/** Files with their paths; a folder that all of them are in is not part of them. */
export function filesIn(files: Iterable<File>): GivenFile[] {
  const given = givenFiles(files);
  const top = `${given[0]?.path.split("/")[0]}/`;
  const cut = given.every(({ path }) => path.startsWith(top)) ? top.length : 0;
  return given.map(({ path, content }) => ({ path: path.slice(cut), content }));
}
