/** c = start + a·b over threads: the one entry to matrix products of the fused kernels. @module */

import type { Precision } from "../../backend.ts";
import type { Activation } from "../../kernels.ts";
import { activationKernelNames, gemmJob, planGemm } from "../jobs/gemm.ts";
import { libraryProductJob, libraryRows } from "../jobs/library_product.ts";
import { packedBytes, packItems, packJob } from "../jobs/pack.ts";
import { zerosOffset } from "../memory/arena.ts";
import { type Runtime, withScratch } from "../runtime.ts";

/** A matrix in memory, row-major. */
export interface Matrix {
  address: number;
  /** Bytes from a row to the next; by default the rows are contiguous. */
  rowBytes?: number;
  /** Stored as [columns, rows]. */
  isTransposed?: boolean;
}

/** What is added to the product. */
export type Start = "zero" | { bias: number } | { matrix: number; rowBytes: number };

/** `a` [rows, depth], `b` [depth, columns] → `c` [rows, columns], with f(c) at `activated`. */
export interface MatrixProduct {
  rows: number;
  columns: number;
  depth: number;
  a: Matrix;
  b: Matrix;
  c: { address: number; rowBytes?: number };
  start?: Start;
  activation?: Activation;
  /** Where f(c) goes; laid out like `c`, and may be `c` itself. */
  activated?: number;
  /** Default float32; what `a` and `b` are rounded to where the processor multiplies that. */
  precision?: Precision;
}

function startOf(start: Start, panelBytes: number) {
  if (start === "zero") return { start: zerosOffset, startRowBytes: 0, startPanelBytes: 0 };
  if ("bias" in start) {
    return { start: start.bias, startRowBytes: 0, startPanelBytes: panelBytes };
  }
  return { start: start.matrix, startRowBytes: start.rowBytes, startPanelBytes: panelBytes };
}

/** Bytes between rows of the matrix as it is stored. */
function storedRowBytes(matrix: Matrix, rows: number, columns: number): number {
  return matrix.rowBytes ?? (matrix.isTransposed ? rows : columns) * 4;
}

function multiplyByLibrary({ pool }: Runtime, product: MatrixProduct): void {
  const { rows, columns, depth, a, b, c, start = "zero" } = product;
  const matrix = start === "zero"
    ? { start: 0, startRowBytes: 0 }
    : "bias" in start
    ? { start: start.bias, startRowBytes: 0 }
    : { start: start.matrix, startRowBytes: start.rowBytes };
  pool.run(libraryProductJob, {
    a: a.address,
    aRowBytes: storedRowBytes(a, rows, depth),
    aIsTransposed: Number(a.isTransposed ?? false),
    b: b.address,
    bRowBytes: storedRowBytes(b, depth, columns),
    bIsTransposed: Number(b.isTransposed ?? false),
    c: c.address,
    rowBytes: c.rowBytes ?? columns * 4,
    rows,
    columns,
    depth,
    ...matrix,
    activation: activationNumber(product),
    activated: product.activated ?? 0,
  }, { items: Math.ceil(rows / libraryRows(rows)), work: rows * columns * depth });
}

function activationNumber({ activation = "none" }: MatrixProduct): number {
  return activation === "none" ? 0 : activationKernelNames.indexOf(activation);
}

/** The product of nothing: c = start. */
function writeStart({ pool: { kernels } }: Runtime, product: MatrixProduct): void {
  const { rows, columns, c, start = "zero" } = product;
  const rowBytes = c.rowBytes ?? columns * 4;
  for (let row = 0; row < rows; row++) {
    const to = c.address + row * rowBytes;
    if (start === "zero") kernels.fill(to, columns, 0);
    else {
      const from = "bias" in start ? start.bias : start.matrix + row * start.rowBytes;
      kernels.copyRows(from, 0, to, 0, 1, columns);
    }
  }
}

/** See the module's text. */
export function multiplyMatrices(runtime: Runtime, product: MatrixProduct): void {
  const { rows, columns, depth, a, b, c } = product;
  if (rows === 0 || columns === 0) return;
  if (depth === 0) return writeStart(runtime, product);
  if ("matrixProduct" in runtime.pool.kernels) return multiplyByLibrary(runtime, product);
  const { pool } = runtime;
  const panelColumns = pool.tile.columns;
  const isPaired = product.precision === "bfloat16" && "gemmBlockOfPairs" in pool.kernels;
  const stepsPerPlace = isPaired ? 2 : 1;
  withScratch(runtime, packedBytes(product, panelColumns, stepsPerPlace), (packed) => {
    pool.run(packJob, {
      source: b.address,
      rowBytes: storedRowBytes(b, depth, columns),
      isTransposed: Number(b.isTransposed ?? false),
      depth,
      columns,
      stepsPerPlace,
      target: packed,
    }, { items: packItems(depth, columns, panelColumns), work: depth * columns });
    const { rowItems, columnItems, scratchBytes } = planGemm(product, pool.threads, pool.tile);
    pool.run(gemmJob, {
      a: a.address,
      aRowBytes: storedRowBytes(a, rows, depth),
      aIsTransposed: Number(a.isTransposed ?? false),
      b: packed,
      c: c.address,
      rowBytes: c.rowBytes ?? columns * 4,
      rows,
      columns,
      depth,
      stepsPerPlace,
      ...startOf(product.start ?? "zero", panelColumns * 4),
      activation: activationNumber(product),
      activated: product.activated ?? 0,
      rowItems,
      columnItems,
    }, { items: rowItems * columnItems, scratchBytes, work: rows * columns * depth });
  });
}
