/**
 * Packing: operands of a matrix product laid out in panels, in the order in which the tile reads
 * them. A panel holds `width` rows of A (or columns of B) for each step along the depth.
 *
 * For products of bfloat16 two steps of the depth share a place: rounded, the first one in the lower
 * half. A last odd step is paired with zeros.
 *
 * What lies beyond the last row is filled with values that are never stored: rows that do not exist
 * repeat the last one, columns that do not exist read on. Four lanes only: packing is bound by
 * memory, and every target can use these panels.
 *
 * @module
 */

import { bits, type Index, toVector, type Vector } from "../code/expression.ts";
import {
  greater,
  type IndexVariable,
  type KernelBuilder,
  type KernelDescription,
  notLess,
} from "../code/kernel_builder.ts";

const group = 4;

/** Rows become columns: the i-th result has the i-th lane of each input. */
function transpose(k: KernelBuilder, rows: readonly Vector[]): Vector[] {
  const [a, b, c, d] = rows.map((row) => k.let(row));
  const low = [k.let(a.shuffle(b, [0, 4, 1, 5])), k.let(c.shuffle(d, [0, 4, 1, 5]))];
  const high = [k.let(a.shuffle(b, [2, 6, 3, 7])), k.let(c.shuffle(d, [2, 6, 3, 7]))];
  return [low, high].flatMap(([left, right]) => [
    left.shuffle(right, [0, 1, 4, 5]),
    left.shuffle(right, [2, 3, 6, 7]),
  ]);
}

/** bfloat16 in the upper half: to nearest, halfway to even; a NaN stays one. */
function roundUpperHalf(k: KernelBuilder, value: Vector): Vector {
  const exact = k.let(value);
  const isOdd = exact.integerShiftRight(16).and(bits(1));
  const rounded = exact.integerAdd(bits(0x7fff)).integerAdd(isOdd);
  return exact.isEqual(exact).select(rounded, bits(0x7fc00000));
}

/** Two steps of the depth in one place. */
function pair(k: KernelBuilder, first: Vector, second: Vector): Vector {
  const lower = roundUpperHalf(k, first).integerShiftRight(16);
  return lower.or(roundUpperHalf(k, second).and(bits(-0x10000)));
}

/** Up to four rows of the source into `used` columns of the panel at `target`. */
function packGroup(
  k: KernelBuilder,
  sources: readonly IndexVariable[],
  target: IndexVariable,
  scale: Vector,
  options: { depth: Index; width: number; used: number; isPaired: boolean },
): void {
  const { depth, width, used, isPaired } = options;
  const left = k.letIndex(depth);
  const whole = notLess(left, group);
  k.if(whole, () =>
    k.doWhile(() => {
      const steps = transpose(k, sources.map((source) => k.load(source).times(scale)));
      const [a, b, c, d] = steps.map((step) => isPaired ? k.let(step) : step);
      const places = isPaired ? [pair(k, a, b), pair(k, c, d)] : steps;
      places.forEach((place, step) => {
        if (used === group) k.store(target, place, step * width * 4);
        else k.storeTwo(target, place, step * width * 4);
      });
      for (const source of sources) source.advance(group * 4);
      target.advance(places.length * width * 4);
      left.set(left.minus(group));
    }, whole));
  const rest = (steps: number) => () => {
    for (let row = 0; row < used; row++) {
      const first = k.loadSplat(sources[row]).times(scale);
      const second = steps === 2 ? k.loadSplat(sources[row], 4).times(scale) : toVector(0);
      k.storeFirst(target, isPaired ? pair(k, first, second) : first, row * 4);
    }
    for (const source of sources) source.advance(steps * 4);
    target.advance(width * 4);
    left.set(left.minus(steps));
  };
  if (isPaired) k.if(notLess(left, 2), rest(2));
  const more = greater(left, 0);
  k.if(more, () => k.doWhile(rest(1), more));
}

/** The depth lies along the rows of the source: [rows, depth], `rowBytes` apart. */
function packRows(width: number, isPaired: boolean): KernelDescription {
  return {
    name: `pack${isPaired ? "Paired" : ""}Rows${width}`,
    build: (k) => {
      const [source, rowBytes, rows, depth, target] = k.indices(
        "source",
        "rowBytes",
        "rows",
        "depth",
        "target",
      );
      const [scale] = k.scalars("scale");
      k.doWhile(() => {
        const row = k.letIndex(source);
        for (let first = 0; first < width; first += group) {
          const used = Math.min(group, width - first);
          const sources = Array.from({ length: group }, (_, index) => {
            const pointer = k.letIndex(row);
            if (index < used) {
              k.if(greater(rows, first + index + 1), () => row.advance(rowBytes));
            }
            return pointer;
          });
          const end = k.letIndex(target.plus(first * 4));
          packGroup(k, sources, end, scale, { depth, width, used, isPaired });
          if (first + group >= width) target.set(end.minus(first * 4));
        }
        source.advance(rowBytes.times(width));
        rows.set(rows.minus(width));
      }, greater(rows, 0));
    },
  };
}

/** The depth lies down the columns of the source: [depth, columns], `rowBytes` apart. */
function packColumns(width: number, isPaired: boolean): KernelDescription {
  return {
    name: `pack${isPaired ? "Paired" : ""}Columns${width}`,
    build: (k) => {
      const [source, rowBytes, columns, depth, target] = k.indices(
        "source",
        "rowBytes",
        "columns",
        "depth",
        "target",
      );
      const [scale] = k.scalars("scale");
      const row = k.letIndex(0);
      const left = k.letIndex(0);
      const steps = (count: number) => () => {
        const next = count === 2 ? k.letIndex(row.plus(rowBytes)) : null;
        for (let first = 0; first < width; first += group) {
          const value = k.load(row, first * 4).times(scale);
          const after = next === null ? toVector(0) : k.load(next, first * 4).times(scale);
          const place = isPaired ? pair(k, value, after) : value;
          if (width - first >= group) k.store(target, place, first * 4);
          else k.storeTwo(target, place, first * 4);
        }
        row.advance(rowBytes.times(count));
        target.advance(width * 4);
        left.set(left.minus(count));
      };
      const loop = (count: number) => {
        const enough = notLess(left, count);
        k.if(enough, () => k.doWhile(steps(count), enough));
      };
      k.doWhile(() => {
        row.set(source);
        left.set(depth);
        if (isPaired) loop(2);
        loop(1);
        source.advance(width * 4);
        columns.set(columns.minus(width));
      }, greater(columns, 0));
    },
  };
}

/** Widths of the panels of A and of B, for vectors of 4, 8 and 16 lanes. */
const widths = [6, 12, 8, 16, 32];

/** Those for 16 lanes, with which bfloat16 comes. */
const pairedWidths = [12, 32];

export const packKernels: readonly KernelDescription[] = [
  ...widths.flatMap((width) => [packRows(width, false), packColumns(width, false)]),
  ...pairedWidths.flatMap((width) => [packRows(width, true), packColumns(width, true)]),
];
