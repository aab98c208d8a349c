/** One EMA update of the codebook. @module */

import type { Vector } from "../../code/expression.ts";
import type { KernelBuilder, KernelDescription } from "../../code/kernel_builder.ts";
import { smallestNorm, square } from "../../code/math.ts";
import { forRows, sumRow } from "../../code/rows.ts";

/** One EMA update of unit codes by the unit mean of their members; see `ops/` for the arithmetic. */
function buildCodebookUpdate(k: KernelBuilder): void {
  const [codebook, counts, sums, updated, rows, columns] = k.indices(
    "codebook",
    "counts",
    "sums",
    "updated",
    "rows",
    "columns",
  );
  const [decay, rest] = k.scalars("decay", "rest");
  const rowBytes = k.letIndex(columns.shiftedLeft(2));
  forRows(k, rows, [[codebook, rowBytes], [sums, rowBytes], [updated, rowBytes]], () => {
    const count = k.let(k.loadSplat(counts));
    counts.advance(4);
    const isEmpty = k.let(count.isEqual(0));
    const members = k.let(count.atLeast(1));
    const mean = (value: Vector) => value.dividedBy(members);
    const norm = k.let(
      sumRow(k, columns, [sums], (value) => square(k.let(mean(value)))).squareRoot().atLeast(
        smallestNorm,
      ),
    );
    const [code, sum, target] = [codebook, sums, updated].map((pointer) => k.letIndex(pointer));
    k.forElements(columns, [code, sum, target], (lanes) => {
      const old = k.let(lanes.load(code));
      const unit = isEmpty.select(old, mean(lanes.load(sum)).dividedBy(norm));
      lanes.store(target, unit.times(rest).plus(old.times(decay)));
    });
    const length = k.let(
      sumRow(k, columns, [updated], square).squareRoot().atLeast(smallestNorm),
    );
    const result = k.letIndex(updated);
    k.forElements(columns, [result], (lanes) => {
      lanes.store(result, lanes.load(result).dividedBy(length));
    });
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "codebookUpdate", build: buildCodebookUpdate },
];
