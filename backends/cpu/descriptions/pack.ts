/**
 * Packing: operands of a matrix product laid out in panels, in the order in which the tile reads
 * them. A panel holds `width` rows of A (or columns of B) for each step along the depth.
 *
 * What lies beyond the last row is filled with values that are never stored: rows that do not exist
 * repeat the last one, columns that do not exist read on. Four lanes only: packing is bound by
 * memory, and every target can use these panels.
 *
 * @module
 */

import type { Index, Vector } from "../code/expression.ts";
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

/** Up to four rows of the source into `used` columns of the panel at `target`. */
function packGroup(
  k: KernelBuilder,
  sources: readonly IndexVariable[],
  target: IndexVariable,
  scale: Vector,
  options: { depth: Index; width: number; used: number },
): void {
  const { depth, width, used } = options;
  const left = k.letIndex(depth);
  const whole = notLess(left, group);
  k.if(whole, () =>
    k.doWhile(() => {
      const columns = transpose(k, sources.map((source) => k.load(source).times(scale)));
      columns.forEach((column, step) => {
        if (used === group) k.store(target, column, step * width * 4);
        else k.storeTwo(target, column, step * width * 4);
      });
      for (const source of sources) source.advance(group * 4);
      target.advance(group * width * 4);
      left.set(left.minus(group));
    }, whole));
  k.repeat(left, () => {
    for (let row = 0; row < used; row++) {
      k.storeFirst(target, k.loadSplat(sources[row]).times(scale), row * 4);
    }
    for (const source of sources) source.advance(4);
    target.advance(width * 4);
  });
}

/** The depth lies along the rows of the source: [rows, depth], `rowBytes` apart. */
function packRows(width: number): KernelDescription {
  return {
    name: `packRows${width}`,
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
          packGroup(k, sources, k.letIndex(target.plus(first * 4)), scale, { depth, width, used });
        }
        source.advance(rowBytes.times(width));
        target.advance(depth.times(width * 4));
        rows.set(rows.minus(width));
      }, greater(rows, 0));
    },
  };
}

/** The depth lies down the columns of the source: [depth, columns], `rowBytes` apart. */
function packColumns(width: number): KernelDescription {
  return {
    name: `packColumns${width}`,
    build: (k) => {
      const [source, rowBytes, columns, depth, target] = k.indices(
        "source",
        "rowBytes",
        "columns",
        "depth",
        "target",
      );
      const [scale] = k.scalars("scale");
      k.doWhile(() => {
        const row = k.letIndex(source);
        k.repeat(depth, () => {
          for (let first = 0; first < width; first += group) {
            const value = k.load(row, first * 4).times(scale);
            if (width - first >= group) k.store(target, value, first * 4);
            else k.storeTwo(target, value, first * 4);
          }
          row.advance(rowBytes);
          target.advance(width * 4);
        });
        source.advance(width * 4);
        columns.set(columns.minus(width));
      }, greater(columns, 0));
    },
  };
}

/** Widths of the panels of A and of B, for vectors of 4, 8 and 16 lanes. */
const widths = [6, 12, 8, 16, 32];

export const packKernels: readonly KernelDescription[] = [
  ...widths.map(packRows),
  ...widths.map(packColumns),
];
