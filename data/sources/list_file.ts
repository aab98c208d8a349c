/**
 * mmselfsup's list files: one line per sample, `path label` or `path`.
 *
 * @module
 */
import { messageOf, UserError } from "../../core/errors.ts";
import { linesOf } from "../../core/text_lines.ts";
import { isNowhere } from "./nowhere.ts";
import { noImages } from "./layout.ts";
import { forwardSlashes } from "./slashes.ts";

/** The contents of a list file. */
export interface SampleList {
  /** Paths as listed, relative to the split's folder. */
  readonly paths: readonly string[];
  /** Class of each, −1 if none. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
}

const line = /^(.*?\.\w+)(?:[ \t]+(\d{1,9}))?$/;

/** The text of a list on disk; undefined if there is no such file. */
export function readListFile(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch (cause) {
    if (isNowhere(cause)) return undefined;
    throw new UserError(`Cannot read list "${path}": ${messageOf(cause)}`, { cause });
  }
}

/** A class is named after the folder of its samples, if each class has exactly one. */
function classNames(paths: readonly string[], labels: Int32Array): string[] {
  const count = labels.reduce((most, label) => Math.max(most, label), -1) + 1;
  const folders = new Map<number, string>();
  let isNamed = true;
  for (let i = 0; i < paths.length && isNamed; i++) {
    const slash = paths[i].indexOf("/");
    const folder = slash < 0 ? "" : paths[i].slice(0, slash);
    const known = folders.get(labels[i]);
    if (known === undefined) folders.set(labels[i], folder);
    isNamed = folder !== "" && (known === undefined || known === folder);
  }
  isNamed &&= new Set(folders.values()).size === folders.size;
  return Array.from(
    { length: count },
    (_, label) => (isNamed ? folders.get(label) : undefined) ?? String(label),
  );
}

/**
 * Reads a list file.
 *
 * @throws UserError naming the first line that is neither `path label` nor `path`
 */
export function parseList(text: string, name: string): SampleList {
  const paths: string[] = [];
  const labels: number[] = [];
  linesOf(text).forEach((raw, index) => {
    const content = raw.trim();
    if (content === "") return;
    const match = line.exec(content);
    const fail = (wanted: string) =>
      new UserError(
        `Cannot read list "${name}", line ${index + 1}: expected ${wanted}, found "${content}"`,
      );
    if (match === null) throw fail('"path label" or "path"');
    const label = match[2] === undefined ? -1 : Number(match[2]);
    if (paths.length > 0 && (labels[0] < 0) !== (label < 0)) {
      throw fail(labels[0] < 0 ? "no label, as on the lines before" : "a label as well");
    }
    paths.push(forwardSlashes(match[1]).replace(/^(\.?\/)+/, ""));
    labels.push(label);
  });
  if (paths.length === 0) throw noImages(name);
  const labelArray = Int32Array.from(labels);
  return { paths, labels: labelArray, classes: classNames(paths, labelArray) };
}
