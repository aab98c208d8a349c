/** Matrix products on tile registers, as tasks for the threads. @module */

import { type Runtime, withScratch } from "../../runtime.ts";
import { type Task, task } from "../../threads/program.ts";
import {
  activationNumber,
  type Company,
  type MatrixProduct,
  startOf,
  storedRowBytes,
} from "../matrix_product.ts";
import { tileFormat } from "./description.ts";
import {
  isOneTileBlock,
  packTilesItems,
  packTilesJob,
  planTiles,
  tilePanelBytes,
  tileProductJob,
} from "./job.ts";
import { canPassCaches, mostCachedBytes, tileBlock } from "./panels.ts";

/** Packs both operands for tile registers at `start`, A first. */
function packTilesTasks({ rows, columns, depth, a, b }: MatrixProduct, start: number): Task[] {
  const isTransposed = [a, b].map((matrix) => matrix.isTransposed ?? false);
  const pack = (
    count: number,
    values: Pick<
      Parameters<typeof packTilesJob.run>[1],
      "source" | "rowBytes" | "isLeft" | "isBfloat16"
    >,
    isAlongRows: boolean,
    target: number,
  ) =>
    task(packTilesJob, { ...values, isAlongRows: Number(isAlongRows), count, depth, target }, {
      items: packTilesItems(count, depth),
      work: depth * count,
    });
  const left = {
    source: a.address,
    rowBytes: storedRowBytes(a, rows, depth),
    isLeft: 1,
    isBfloat16: Number(a.isBfloat16 ?? false),
  };
  const right = {
    source: b.address,
    rowBytes: storedRowBytes(b, depth, columns),
    isLeft: 0,
    isBfloat16: Number(b.isBfloat16 ?? false),
  };
  return [
    pack(rows, left, !isTransposed[0], start),
    pack(columns, right, isTransposed[1], start + tilePanelBytes(rows, depth)),
  ];
}

/** Whether a result goes past the caches. */
function isLarge(
  { rows, columns, depth, activation = "none", activatedIsBfloat16 = false }: MatrixProduct,
  { c, rowBytes }: { c: number; rowBytes: number },
): boolean {
  const isWrittenOnce = isOneTileBlock(depth) && (activatedIsBfloat16 || activation === "none");
  return isWrittenOnce && rows * rowBytes > mostCachedBytes &&
    canPassCaches({ address: c, rowBytes, columns });
}

function tileProductTask({ pool }: Runtime, product: MatrixProduct, packed: number): Task {
  const { rows, columns, depth, activated = 0, activatedIsBfloat16, kept = 0 } = product;
  const { rowItems, columnItems, scratchBytes } = planTiles(product, pool.threads);
  const written = activatedIsBfloat16
    ? { format: tileFormat(kept === 0 ? "bfloat16 of the activation alone" : "bfloat16"), c: kept }
    : { format: tileFormat("float32"), c: product.c.address };
  const rowBytes = activatedIsBfloat16 ? columns * 2 : product.c.rowBytes ?? columns * 4;
  return task(tileProductJob, {
    a: packed,
    b: packed + tilePanelBytes(rows, depth),
    ...written,
    rowBytes,
    rows,
    columns,
    depth,
    ...startOf(product.start ?? "zero", tileBlock.columns * 4),
    activation: activationNumber(product),
    activated,
    isLarge: Number(isLarge(product, { ...written, rowBytes })),
    rowItems,
    columnItems,
  }, { items: rowItems * columnItems, scratchBytes, work: rows * columns * depth });
}

/** All operands are packed in one stage, and all products computed in the next. */
export function multiplyOnTiles(
  runtime: Runtime,
  products: readonly MatrixProduct[],
  { before = [], beside = [] }: Company,
): void {
  const bytes = products.map(({ rows, columns, depth }) =>
    tilePanelBytes(rows, depth) + tilePanelBytes(columns, depth)
  );
  withScratch(runtime, bytes.reduce((total, length) => total + length), (start) => {
    let packed = start;
    const tasks = products.map((product, index) => {
      const pack = packTilesTasks(product, packed);
      const multiply = tileProductTask(runtime, product, packed);
      packed += bytes[index];
      return { pack, multiply };
    });
    runtime.pool.runStages([
      before,
      tasks.flatMap(({ pack }) => pack),
      [...beside, ...tasks.map(({ multiply }) => multiply)],
    ]);
  });
}
