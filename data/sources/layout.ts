/**
 * From paths to samples: which split, which class. The same rules apply to folders and archives.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import { imageEndings, isHidden, isImagePath, skippedFiles } from "./file_names.ts";

export { isImagePath };

/** Samples as positions in a list of paths. */
export interface Layout {
  /** Position of each sample in the given list. */
  readonly members: Uint32Array;
  /** Class of each sample, −1 if none. */
  readonly labels: Int32Array;
  readonly classes: readonly string[];
  /** What users should know about it: files that were skipped, and why. */
  readonly notes?: readonly string[];
}

/** Whether class folders count: `auto` uses them if all images are in folders. */
export type LabelRule = "auto" | "folders" | "none";

/** The names under which to look for a split, best first. */
export const splitNames: Record<string, readonly string[]> = {
  train: ["train", "training"],
  val: ["val", "valid", "validation", "test"],
  test: ["test", "val", "valid", "validation"],
};
const knownSplits = new Set(Object.values(splitNames).flat());
/** Folders that may be next to the splits without being classes. */
const companions = new Set([...knownSplits, "meta", "annotations", "labels"]);

/** The error for a missing split. */
export class MissingSplitError extends UserError {
  /** Whether the source has no splits at all. */
  readonly isUndivided: boolean;

  constructor(message: string, isUndivided: boolean) {
    super(message, { hint: "give the folder of the images itself, or another split" });
    this.isUndivided = isUndivided;
  }
}

const byCodeUnits = (a: string, b: string) => a < b ? -1 : a > b ? 1 : 0;

/** Sorted as in Python. */
export function sorted(names: Iterable<string>): string[] {
  return [...names].sort(byCodeUnits);
}

/**
 * The folder of the requested split among the top-level folders, `""` for the root itself. If no
 * split is requested, it is `train` if the top-level folders are splits.
 *
 * @throws UserError if the split does not exist
 */
export function chooseSplit(folders: readonly string[], wanted: string | undefined, root: string) {
  if (wanted === undefined) {
    const areSplits = folders.length > 0 && folders.every((name) => companions.has(name));
    return areSplits ? folders.find((name) => splitNames.train.includes(name)) ?? "" : "";
  }
  const found = (splitNames[wanted] ?? [wanted]).find((name) => folders.includes(name));
  if (found !== undefined) return found;
  const isUndivided = !folders.some((name) => knownSplits.has(name));
  if (wanted === "train" && isUndivided) return "";
  const there = folders.slice(0, 5).map((name) => `"${name}"`).join(", ");
  throw new MissingSplitError(
    `Cannot find the ${wanted} split in "${root}": expected a folder "${wanted}", ` +
      `found ${there === "" ? "no folders" : there}${folders.length > 5 ? ", …" : ""}`,
    isUndivided,
  );
}

/** The error for a source without images. */
export function noImages(root: string, notes: readonly string[] = []): UserError {
  const found = notes.length === 0 ? "found none" : `found none. ${notes.join(". ")}`;
  return new UserError(
    `Cannot find images in "${root}": expected files ending in ${imageEndings}, ${found}`,
    { hint: "check the path given with --data" },
  );
}

/** The same samples without classes. */
export function withoutLabels({ members }: Pick<Layout, "members">): Layout {
  return { members, labels: new Int32Array(members.length).fill(-1), classes: [] };
}

/** What a folder contains if its images are nested more deeply than class folders, or null. */
function nestedFolders(paths: readonly string[], folder: string): string[] {
  const inside = paths.filter((path) => path.startsWith(`${folder}/`))
    .map((path) => path.slice(folder.length + 1));
  if (inside.some((path) => !path.includes("/"))) return [];
  return sorted(new Set(inside.map((path) => path.slice(0, path.indexOf("/")))));
}

const quoted = (names: readonly string[]) =>
  names.slice(0, 3).map((name) => `"${name}"`).join(", ") + (names.length > 3 ? ", …" : "");

/**
 * The note about class folders that contain folders: the class is that of the first, which may be a mistake.
 */
function nestingNotes(
  paths: readonly string[],
  classes: readonly string[],
  root: string,
): string[] {
  if (classes.length === 1) {
    const inner = nestedFolders(paths, classes[0]);
    if (inner.length < 2) return [];
    return [
      `All images of "${root}" are in one folder, "${classes[0]}", which contains ${
        quoted(inner)
      }: ` +
      `give --data ${root}/${classes[0]} to use those as classes`,
    ];
  }
  const outer = classes.find((name) => nestedFolders(paths, name).length > 1);
  if (outer === undefined) return [];
  return [
    `The classes of "${root}" are its ${classes.length} folders; the folders in them, such as ` +
    `${quoted(nestedFolders(paths, outer))} in "${outer}", are not distinguished`,
  ];
}

/**
 * Sorts the images among `paths` into classes by their first folder; samples are ordered by class,
 * then by path.
 */
export function layoutByFolders(paths: readonly string[], rule: LabelRule, root: string): Layout {
  const images: number[] = [];
  let loose = 0;
  const others: string[] = [];
  paths.forEach((path, index) => {
    if (!isImagePath(path)) {
      if (!isHidden(path)) others.push(path);
      return;
    }
    images.push(index);
    if (!path.includes("/")) loose++;
  });
  const notes = skippedFiles(others);
  if (images.length === 0) throw noImages(root, notes);
  images.sort((a, b) => byCodeUnits(paths[a], paths[b]));
  if (rule === "folders" && loose > 0) {
    throw new UserError(
      `Cannot read class folders in "${root}": expected every image in a folder of its class, ` +
        `found ${loose} outside`,
      { hint: 'move them, or open the images with labels: "none"' },
    );
  }
  if (rule === "none" || loose > 0) {
    return { ...withoutLabels({ members: Uint32Array.from(images) }), notes };
  }
  const classOf = (index: number) => paths[index].slice(0, paths[index].indexOf("/"));
  const classes = sorted(new Set(images.map(classOf)));
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const pairs = images.map((index) => [labelOf.get(classOf(index))!, index] as const);
  pairs.sort((a, b) => a[0] - b[0]);
  return {
    members: Uint32Array.from(pairs, ([, index]) => index),
    labels: Int32Array.from(pairs, ([label]) => label),
    classes,
    notes: [...notes, ...nestingNotes(images.map((index) => paths[index]), classes, root)],
  };
}

/** Labels from WebDataset's `.cls` or `.json` members: numbers, or names that are numbered in order. */
export function layoutByClassTexts(
  paths: readonly string[],
  classTexts: readonly (string | undefined)[],
  root: string,
): Layout {
  const members = Uint32Array.from(paths, (_, index) => index);
  const texts = classTexts.map((text, index) => {
    if (text !== undefined) return text;
    throw new UserError(
      `Cannot label "${paths[index]}" in "${root}": it has no .cls file, nor a .json with a label`,
      {
        hint: "give every image one, or none",
      },
    );
  });
  const areNumbers = texts.every((text) => /^\d{1,9}$/.test(text));
  if (areNumbers) {
    const labels = Int32Array.from(texts, Number);
    const count = labels.reduce((most, label) => Math.max(most, label), 0) + 1;
    const classes = Array.from({ length: count }, (_, label) => String(label));
    return { members, labels, classes };
  }
  const classes = sorted(new Set(texts));
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  return {
    members,
    labels: Int32Array.from(texts, (text) => labelOf.get(text)!),
    classes,
  };
}

/** WebDataset's key: the path up to the first dot of the file name. */
export function sampleKey(path: string): string {
  const dot = path.indexOf(".", path.lastIndexOf("/") + 1);
  return dot < 0 ? path : path.slice(0, dot);
}
