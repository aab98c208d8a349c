/** Fills and copies. @module */

import type { KernelBuilder, KernelDescription } from "../code/kernel_builder.ts";
import { forRows } from "../code/rows.ts";

function buildFill(k: KernelBuilder): void {
  const [target, count] = k.indices("target", "count");
  const [value] = k.scalars("value");
  k.forElements(count, [target], (lanes) => lanes.store(target, value));
}

function buildCopyRows(k: KernelBuilder): void {
  const [source, sourceBytes, target, targetBytes] = k.indices(
    "source",
    "sourceBytes",
    "target",
    "targetBytes",
  );
  const [rows, columns] = k.indices("rows", "columns");
  forRows(k, rows, [[source, sourceBytes], [target, targetBytes]], () => {
    const [from, to] = [k.letIndex(source), k.letIndex(target)];
    k.forElements(columns, [from, to], (lanes) => lanes.store(to, lanes.load(from)), 4);
  });
}

export const descriptions: readonly KernelDescription[] = [
  { name: "fill", build: buildFill },
  { name: "copyRows", build: buildCopyRows },
];
