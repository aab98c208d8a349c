/** c = start + a·b on all threads: how fused kernels multiply matrices. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import type { Precision } from "../../backend.ts";
import { addressOf, type Runtime, withScratch } from "../runtime.ts";
import { type Task, task } from "../threads/program.ts";
import { gemmJob, planGemm } from "./gemm/job.ts";
import { isOneTileBlock } from "./amx/job.ts";
import { hasTiles, stepsPerTilePlace } from "./amx/panels.ts";
import { multiplyOnTiles } from "./amx/tile_products.ts";
import { libraryProductJob, libraryRows } from "./library_product/job.ts";
import {
  activationNumber,
  type Company,
  type Matrix,
  type MatrixProduct,
  startOf,
  storedRowBytes,
} from "./matrix_product.ts";
import { packedBytes, packItems, packJob, type StepsPerPlace, tilingOf } from "./pack/job.ts";

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
  const isOnTiles = stepsPerPlaceOf(runtime, { precision }) === stepsPerTilePlace;
  const isOneBlock = isOnTiles
    ? isOneTileBlock(depth)
    : depth <= 2 * tilingOf(runtime.pool.tile, 2).places;
  return depth > 0 && isOneBlock && takesBfloat16(runtime, precision) &&
    keepsBfloat16(runtime, { columns, depth, precision });
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
