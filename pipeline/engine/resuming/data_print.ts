/**
 * Whether a run continues with the images it started with.
 *
 * @module
 */

import { UserError } from "../../../core/errors.ts";
import { TextFingerprint } from "../../../core/fingerprint.ts";
import type { Source } from "../../../data/sources/source.ts";

/** What a checkpoint records about the images. */
export interface DataPrint {
  readonly images: number;
  /** Names of the classes, by label. */
  readonly classes: readonly string[];
  /** Of the names and labels of all images, in order. */
  readonly fingerprint: string;
}

/** The fingerprint of a source; a million files take about a second. */
export function dataPrint(source: Source): DataPrint {
  const print = new TextFingerprint();
  const { length, classes, annotations } = source;
  for (let index = 0; index < length; index++) {
    const { id, label } = source.entry(index);
    print.add(id, label);
    if (annotations !== undefined) print.add(annotations.entry(index).id, label);
  }
  return { images: length, classes: [...classes], fingerprint: print.value };
}

const named = (names: readonly string[]) => {
  const shown = names.slice(0, 3).map((name) => `"${name}"`).join(", ");
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
};

/** How the classes differ, in words; null if they do not. */
export function classDifference(
  wanted: readonly string[],
  found: readonly string[],
): string | null {
  if (wanted.length === found.length && wanted.every((name, at) => name === found[at])) return null;
  const added = found.filter((name) => !wanted.includes(name));
  const gone = wanted.filter((name) => !found.includes(name));
  if (added.length === 0 && gone.length === 0) {
    return `the classes are in a different order: ${named(wanted)} became ${named(found)}`;
  }
  return [
    ...(gone.length > 0 ? [`${gone.length > 1 ? "classes" : "class"} ${named(gone)} missing`] : []),
    ...(added.length > 0 ? [`${added.length > 1 ? "classes" : "class"} ${named(added)} new`] : []),
  ].join(", ");
}

/**
 * Rejects images other than those of a run's checkpoint. Checkpoints of version 0.1 record nothing
 * about them.
 *
 * @throws UserError that says how they differ
 */
export function requireSameData(
  directory: string,
  wanted: DataPrint | undefined,
  found: DataPrint,
  where: string,
): void {
  if (wanted === undefined || wanted.fingerprint === found.fingerprint) {
    const same = wanted === undefined || classDifference(wanted.classes, found.classes) === null;
    if (same) return;
  }
  const difference = classDifference(wanted!.classes, found.classes) ??
    (wanted!.images === found.images
      ? "files were renamed or replaced"
      : `there were ${wanted!.images}, and now there are ${found.images}`);
  throw new UserError(
    `Cannot resume "${directory}": the images in "${where}" are not those it was trained on ` +
      `(${difference})`,
    { hint: "restore them, or start a new run with another --out" },
  );
}
