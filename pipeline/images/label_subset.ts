/**
 * A share of the labelled images of each class, for learning from few labels.
 *
 * @module
 */

import { Generator } from "../../core/generator.ts";
import type { Source } from "../../data/sources/source.ts";
import { indicesByClass, subsetOf } from "../../data/sources/subset.ts";

/**
 * A source with a share of each class, drawn with the seed: at least one image per class. With the same seed, a
 * smaller share is a subset of a larger one.
 *
 * @example
 * ```ts
 * import { labelSubset } from "./label_subset.ts";
 * const source = {
 *   length: 8,
 *   classes: ["even", "odd"],
 *   entry: (index: number) => ({ id: `${index}`, label: index % 2 }),
 *   read: () => Promise.resolve(new Uint8Array()),
 * };
 * const half = labelSubset(source, 0.5, 1);
 * if (half.length !== 4 || half.entry(1).label !== half.entry(0).label) throw new Error();
 * ```
 */
export function labelSubset(source: Source, fraction: number, seed: number): Source {
  if (fraction >= 1) return source;
  const root = Generator.from(seed).split("label subset");
  const chosen = [...indicesByClass(source)].flatMap(([label, members]) => {
    const count = Math.max(1, Math.round(fraction * members.length));
    const order = root.split(label).permutation(members.length);
    return Array.from(order.subarray(0, count), (at) => members[at]).sort((a, b) => a - b);
  });
  return subsetOf(source, chosen);
}
