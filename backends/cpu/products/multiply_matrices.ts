/** c = start + a·b on all threads: how fused kernels multiply matrices. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import type { Precision } from "../../backend.ts";
import type { Activation } from "../../kernels.ts";
import { zerosOffset } from "../memory/arena.ts";
import { addressOf, type Runtime, withScratch } from "../runtime.ts";
import { type Task, task } from "../threads/program.ts";
import { activationKernelNames, gemmJob, planGemm } from "./gemm/job.ts";
import { tileFormat } from "./amx/description.ts";
import {
  isOneTileBlock,
  packTilesItems,
  packTilesJob,
  planTiles,
  tilePanelBytes,
  tileProductJob,
} from "./amx/job.ts";
import { hasTiles, stepsPerTilePlace, tileBlock } from "./amx/panels.ts";
import { libraryProductJob, libraryRows } from "./library_product/job.ts";
import { packedBytes, packItems, packJob, type StepsPerPlace, tilingOf } from "./pack/job.ts";

/** A matrix in memory, row-major. */
export interface Matrix {
  address: number;
  /** Bytes from a row to the next; by default the rows are contiguous. */
  rowBytes?: number;
  /** Stored as [columns, rows]. */
  isTransposed?: boolean;
  /** In bfloat16, where {@link takesBfloat16} allows it. */
  isBfloat16?: boolean;
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
  /** Address 0 if only f(c) is wanted, where {@link writesBfloat16} allows it. */
  c: { address: number; rowBytes?: number };
  start?: Start;
  activation?: Activation;
  /** Where f(c) goes; laid out like `c`, and may be `c` itself. */
  activated?: number;
  /** Whether f(c) is written as bfloat16, in half the bytes, where {@link writesBfloat16} allows it. */
  activatedIsBfloat16?: boolean;
  /** Where c goes as bfloat16 if {@link keepsBfloat16} allows it; laid out like `c`, in half the bytes. */
  kept?: number;
  /** What `a` and `b` are rounded to if the processor multiplies that format. Default: float32. */
  precision?: Precision;
}

function startOf(start: Start, panelBytes: number) {
  if (start === "zero") return { start: zerosOffset, startRowBytes: 0, startPanelBytes: 0 };
  if ("bias" in start) {
    return { start: start.bias, startRowBytes: 0, startPanelBytes: panelBytes };
  }
  return { start: start.matrix, startRowBytes: start.rowBytes, startPanelBytes: panelBytes };
}

/** Bytes between rows of the stored matrix. */
function storedRowBytes(matrix: Matrix, rows: number, columns: number): number {
  const bytes = matrix.isBfloat16 ? 2 : 4;
  return matrix.rowBytes ?? (matrix.isTransposed ? rows : columns) * bytes;
}

function libraryTask(product: MatrixProduct): Task {
  const { rows, columns, depth, a, b, c, start = "zero" } = product;
  const matrix = start === "zero"
    ? { start: 0, startRowBytes: 0 }
    : "bias" in start
    ? { start: start.bias, startRowBytes: 0 }
    : { start: start.matrix, startRowBytes: start.rowBytes };
  return task(libraryProductJob, {
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

/** The product for depth 0: c = start. */
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

/** How operands are packed for products in this precision. */
export function stepsPerPlaceOf(
  { pool }: Runtime,
  { precision }: { precision?: Precision },
): StepsPerPlace {
  if (precision !== "bfloat16") return 1;
  if (hasTiles(pool.kernels)) return stepsPerTilePlace;
  return "gemmBlockOfPairs" in pool.kernels ? 2 : 1;
}

function packTask(runtime: Runtime, product: MatrixProduct, packed: number): Task {
  const { columns, depth, b } = product;
  const stepsPerPlace = stepsPerPlaceOf(runtime, product);
  return task(packJob, {
    source: b.address,
    rowBytes: storedRowBytes(b, depth, columns),
    isTransposed: Number(b.isTransposed ?? false),
    isBfloat16: Number(b.isBfloat16 ?? false),
    depth,
    columns,
    stepsPerPlace,
    target: packed,
  }, {
    items: packItems(product, tilingOf(runtime.pool.tile, stepsPerPlace), stepsPerPlace),
    work: depth * columns,
  });
}

function packedBytesOf(runtime: Runtime, product: MatrixProduct): number {
  const stepsPerPlace = stepsPerPlaceOf(runtime, product);
  return packedBytes(product, tilingOf(runtime.pool.tile, stepsPerPlace), stepsPerPlace);
}

function gemmTask(runtime: Runtime, product: MatrixProduct, packed: number): Task {
  const { pool } = runtime;
  const { rows, columns, depth, a, c } = product;
  const stepsPerPlace = stepsPerPlaceOf(runtime, product);
  const tiling = tilingOf(pool.tile, stepsPerPlace);
  const sizes = { rows, columns, depth, stays: c.address === 0 };
  const plan = planGemm(sizes, pool.threads, tiling, stepsPerPlace);
  const { rowItems, columnItems, scratchBytes } = plan;
  return task(gemmJob, {
    a: a.address,
    aRowBytes: storedRowBytes(a, rows, depth),
    aIsTransposed: Number(a.isTransposed ?? false),
    aIsBfloat16: Number(a.isBfloat16 ?? false),
    b: packed,
    c: c.address,
    rowBytes: c.rowBytes ?? columns * 4,
    rows,
    columns,
    depth,
    stepsPerPlace,
    ...startOf(product.start ?? "zero", tiling.columns * 4),
    activation: activationNumber(product),
    activated: product.activated ?? 0,
    kept: product.kept ?? 0,
    activatedIsBfloat16: Number(product.activatedIsBfloat16 ?? false),
    rowItems,
    columnItems,
  }, { items: rowItems * columnItems, scratchBytes, work: rows * columns * depth });
}

/**
 * Whether a product of this shape in this precision can leave its result as bfloat16 besides its activation.
 * Tiles of AMX write both so or neither: see {@link writesBfloat16}.
 */
export function keepsBfloat16(
  runtime: Runtime,
  { columns, depth, precision }: { columns: number; depth: number; precision: Precision },
): boolean {
  const steps = stepsPerPlaceOf(runtime, { precision });
  const isPossible = steps === 2 || (steps === stepsPerTilePlace && isOneTileBlock(depth));
  return isPossible && columns % 32 === 0 && "narrow" in runtime.pool.kernels;
}

/**
 * Whether products in this precision take operands that are kept in bfloat16. Their bits are those of the same
 * values in float32.
 */
export function takesBfloat16(runtime: Runtime, precision: Precision): boolean {
  const isReduced = stepsPerPlaceOf(runtime, { precision }) !== 1;
  return isReduced && "packLeftRowsOfBfloat16" in runtime.pool.kernels;
}

/** A tensor as an operand that is not transposed: in bfloat16 if it is kept so and the product takes that. */
export function operandOf(runtime: Runtime, tensor: Tensor, precision: Precision): Matrix {
  // Rows of another shape need not start where a place does.
  const isWhole = (tensor.shape.at(-1) as number) % stepsPerTilePlace === 0;
  const narrow = isWhole && takesBfloat16(runtime, precision)
    ? runtime.tensors.pointerToBfloat16(tensor)
    : null;
  return narrow === null
    ? { address: addressOf(runtime, tensor) }
    : { address: narrow, isBfloat16: true };
}

/** Whether a product can leave f(c) in bfloat16 alone: its depth must be one block. */
export function writesBfloat16(
  runtime: Runtime,
  { columns, depth, precision }: { columns: number; depth: number; precision: Precision },
): boolean {
  const isShallow = depth > 0 && depth <= 2 * tilingOf(runtime.pool.tile, 2).places;
  return isShallow && takesBfloat16(runtime, precision) &&
    keepsBfloat16(runtime, { columns, depth, precision });
}

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

function tileProductTask({ pool }: Runtime, product: MatrixProduct, packed: number): Task {
  const { rows, columns, depth, activated = 0, activatedIsBfloat16, kept = 0 } = product;
  const { rowItems, columnItems, scratchBytes } = planTiles(product, pool.threads);
  const written = activatedIsBfloat16
    ? { format: tileFormat(kept === 0 ? "bfloat16 of the activation alone" : "bfloat16"), c: kept }
    : { format: tileFormat("float32"), c: product.c.address };
  return task(tileProductJob, {
    a: packed,
    b: packed + tilePanelBytes(rows, depth),
    ...written,
    rowBytes: activatedIsBfloat16 ? columns * 2 : product.c.rowBytes ?? columns * 4,
    rows,
    columns,
    depth,
    ...startOf(product.start ?? "zero", tileBlock.columns * 4),
    activation: activationNumber(product),
    activated,
    rowItems,
    columnItems,
  }, { items: rowItems * columnItems, scratchBytes, work: rows * columns * depth });
}

/** All operands are packed in one stage, and all products computed in the next. */
function multiplyOnTiles(
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

/** Tasks that run in the same program as the products. */
export interface Company {
  /** Run before the products; may write their left operands, but not the right ones. */
  readonly before?: readonly Task[];
  /** Run alongside the last product; may read what `before` has written. */
  readonly beside?: readonly Task[];
}

/**
 * Computes products that do not depend on each other, all in the same precision. The right operand of each
 * is packed while the threads compute the previous product, except for tile registers.
 */
export function multiplyMatrices(
  runtime: Runtime,
  products: readonly MatrixProduct[],
  { before = [], beside = [] }: Company = {},
): void {
  const { pool } = runtime;
  const nonEmpty = products.filter(({ rows, columns }) => rows > 0 && columns > 0);
  const proper = nonEmpty.filter(({ depth }) => depth > 0);
  for (const product of nonEmpty) if (product.depth === 0) writeStart(runtime, product);
  if ("matrixProduct" in pool.kernels) {
    return pool.runStages([before, [...beside, ...proper.map(libraryTask)]]);
  }
  if (proper.length > 0 && stepsPerPlaceOf(runtime, proper[0]) === stepsPerTilePlace) {
    return multiplyOnTiles(runtime, proper, { before, beside });
  }
  const bytes = proper.map((product) => packedBytesOf(runtime, product));
  const sum = bytes.reduce((total, length) => total + length, 0);
  withScratch(runtime, sum, (start) => {
    const stages: Task[][] = [[...before]];
    let packed = start;
    proper.forEach((product, index) => {
      stages[index].push(packTask(runtime, product, packed));
      stages.push([gemmTask(runtime, product, packed)]);
      packed += bytes[index];
    });
    stages[proper.length].unshift(...beside);
    pool.runStages(stages);
  });
}
