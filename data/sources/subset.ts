/**
 * Subsets of a source.
 *
 * @module
 */
import { Generator } from "../../core/generator.ts";
import type { Source } from "./source.ts";

/**
 * The samples of a source at given indices, in that order. Closing it closes the source.
 *
 * @example
 * ```ts
 * import { subsetOf } from "./subset.ts";
 * const letters = {
 *   length: 3,
 *   classes: [],
 *   entry: (index: number) => ({ id: "abc"[index], label: -1 }),
 *   read: () => Promise.resolve(new Uint8Array()),
 * };
 * if (subsetOf(letters, [2, 0]).entry(0).id !== "c") throw new Error();
 * ```
 */
export function subsetOf(
  source: Source,
  indices: readonly number[] | Uint32Array,
  notes: readonly string[] = source.notes ?? [],
): Source {
  const { memory, locate, split, annotations } = source;
  return {
    length: indices.length,
    classes: source.classes,
    notes,
    entry: (index) => source.entry(indices[index]),
    read: (index) => source.read(indices[index]),
    ...(locate === undefined ? {} : { locate: (index) => source.locate!(indices[index]) }),
    ...(memory === undefined ? {} : { memory }),
    ...(split === undefined ? {} : { split }),
    ...(annotations === undefined ? {} : { annotations: subsetOf(annotations, indices) }),
    close: () => source.close?.(),
  };
}

/** Indices of a source's samples by class; samples without one are left out. */
export function indicesByClass(source: Source): ReadonlyMap<number, readonly number[]> {
  const byClass = new Map<number, number[]>();
  for (let index = 0; index < source.length; index++) {
    const { label } = source.entry(index);
    if (label < 0) continue;
    const members = byClass.get(label);
    if (members === undefined) byClass.set(label, [index]);
    else members.push(index);
  }
  return new Map([...byClass].sort(([a], [b]) => a - b));
}

/** The draw depends on the images alone, so that every command and every run holds out the same ones. */
const heldOutSeed = 0;

/**
 * Splits a labelled source that has no splits: a share of each class, at least one image of two, is held out;
 * the same images on every call.
 *
 * @returns null if nothing can be split: no labels, or one image per class
 */
export function holdOut(
  source: Source,
  share: number,
): { readonly rest: Source; readonly held: Source } | null {
  const root = Generator.from(heldOutSeed).split("held out");
  const isHeld = new Uint8Array(source.length);
  let count = 0;
  for (const [label, members] of indicesByClass(source)) {
    const wanted = members.length < 2 ? 0 : Math.max(1, Math.round(share * members.length));
    const order = root.split(label).permutation(members.length);
    for (let at = 0; at < wanted; at++) isHeld[members[order[at]]] = 1;
    count += wanted;
  }
  if (count === 0) return null;
  const indices = (held: number) =>
    Uint32Array.from({ length: source.length }, (_, index) => index)
      .filter((index) => isHeld[index] === held);
  const line = `The images are not split into train and val: ${count} of ${source.length} are ` +
    "held out for evaluation, the same ones in every command";
  const notes = [...source.notes ?? [], line];
  return { rest: subsetOf(source, indices(0), notes), held: subsetOf(source, indices(1), notes) };
}
