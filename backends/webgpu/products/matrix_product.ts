/**
 * The matrix products of linear layers: forward with bias and activation in the same pass, backward
 * all three gradients in one dispatch, or two if a weight is too small to keep a GPU busy.
 *
 * @module
 */

import backwardCode from "./linear_backward.wgsl" with { type: "text" };
import productCode from "./matrix_product.wgsl" with { type: "text" };
import sumCode from "./sum_parts.wgsl" with { type: "text" };
import activationCode from "../shaders/activation.wgsl" with { type: "text" };
import halfCode from "../shaders/half.wgsl" with { type: "text" };
import tilesCode from "./product_tiles.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Activation } from "../../kernels.ts";
import { foldedGrid, type ShaderRunner } from "../shaders/shader_runner.ts";
import { WORKGROUP } from "../shaders/shapes.ts";

const PRODUCT = {
  name: "matrix_product",
  code: productCode,
  includes: [activationCode, halfCode, tilesCode],
};
const BACKWARD = { name: "linear_backward", code: backwardCode, includes: [halfCode, tilesCode] };
const SUM = { name: "sum_parts", code: sumCode };

/** Numbers of the activations in `activation.wgsl`. */
export const ACTIVATIONS: Record<Activation, number> = { none: 0, gelu: 1, quickGelu: 2, tanh: 3 };

/** c [rows, columns] = a·bᵀ, `a` [≥ rows, depth] and `b` [columns, depth]. */
export interface MatrixProduct {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether float32 operands are rounded to float16. */
  readonly isRounded: boolean;
  /** Row of `a` that the first of `c` is made from. */
  readonly firstRow?: number;
  readonly bias?: Tensor | null;
  readonly activation?: Activation;
  /** Receives the value before the activation; given if and only if there is an activation. */
  readonly before?: Tensor | null;
}

/** The gradients of a linear layer: the inputs and where the results go. */
export interface LinearBackward {
  /** [rows, outputs]: the gradient before the activation. */
  readonly dz: Tensor;
  /** [≥ rows, inputs]. */
  readonly x: Tensor;
  /** [outputs, inputs]. */
  readonly weight: Tensor;
  /** Like `x`; null if it is not needed. */
  readonly dx: Tensor | null;
  readonly dweight: Tensor;
  readonly dbias: Tensor | null;
  /** Row of `x` and `dx` that the first of `dz` belongs to. */
  readonly firstRow?: number;
  /** Whether `dweight` and `dbias` are added to. */
  readonly isAdded?: boolean;
  /** Whether float32 operands are rounded to float16. */
  readonly isRounded: boolean;
}

/** How the work of a product is divided. */
export interface Tiling {
  readonly THREADS_M: number;
  readonly THREADS_N: number;
  readonly MICRO_M: number;
  readonly MICRO_N: number;
  readonly K_TILE: number;
  /** Steps along k that are unrolled; all, if the compiler can handle it. */
  readonly K_UNROLL: number;
}

/** Ways to divide the work, named after the tile; which is fastest depends on the GPU. */
export const TILINGS = {
  square32: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 4, MICRO_N: 4, K_TILE: 16, K_UNROLL: 16 },
  square64: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16, K_UNROLL: 16 },
  high128: { THREADS_M: 16, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16, K_UNROLL: 16 },
  deep128: { THREADS_M: 16, THREADS_N: 16, MICRO_M: 8, MICRO_N: 8, K_TILE: 32, K_UNROLL: 32 },
  // For CPUs that emulate a GPU, whose compilers take long over unrolled code.
  processor32: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 4, MICRO_N: 4, K_TILE: 16, K_UNROLL: 2 },
  processor64: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16, K_UNROLL: 2 },
  processor128: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 16, MICRO_N: 16, K_TILE: 8, K_UNROLL: 2 },
} satisfies Record<string, Tiling>;

/** Name of a tiling. */
export type TilingName = keyof typeof TILINGS;

/** The tilings of a device, by the narrower side of the result. */
export interface TilingChoice {
  /** From 96 rows and columns on: products, and the gradients of layers. */
  readonly large: TilingName;
  readonly largeBackward: TilingName;
  /** Below that. */
  readonly medium: TilingName;
  readonly mediumBackward: TilingName;
  /** Up to 48, and where rows are not whole quads. */
  readonly small: TilingName;
  /**
   * Tiles of 64 × 64 that keep the device busy; 1 if the rows of a weight need not be divided. More than a
   * device runs at a time costs little.
   */
  readonly workgroups: number;
}

/** Takes one tiling for everything. */
export function onlyTiling(name: TilingName, workgroups: number): TilingChoice {
  return {
    large: name,
    largeBackward: name,
    medium: name,
    mediumBackward: name,
    small: name,
    workgroups,
  };
}

/** Sums of parts take additional memory; more would gain little. */
const MOST_PARTS = 32;
/** Rows below which a part costs more than it gains. */
const SHORTEST_PART = 256;

/** Runs products with the tiling that suits their size. */
export class MatrixProducts {
  readonly #runner: ShaderRunner;
  readonly #choice: TilingChoice;

  constructor(runner: ShaderRunner, choice: TilingChoice) {
    this.#runner = runner;
    this.#choice = choice;
  }

  run(product: MatrixProduct): void {
    const { a, b, c, rows, columns, depth, activation = "none", isRounded } = product;
    const isQuadWide = columns % 4 === 0 && depth % 4 === 0;
    const tiling = TILINGS[this.#choose(Math.min(rows, columns), isQuadWide, "")];
    const { runtime } = this.#runner;
    const weight = isRounded && isQuadWide ? this.#runner.halvesOf(b) : b;
    this.#runner.run({
      file: PRODUCT,
      constants: {
        ...constantsOf(tiling),
        ROUND_A: isRounded && runtime.storage(a) === "float32",
        ROUND_B: isRounded && weight === b && runtime.storage(b) === "float32",
        HAS_BIAS: !!product.bias,
        ACTIVATION: ACTIVATIONS[activation],
      },
      reads: { a, b: weight, bias: product.bias ?? null },
      writes: { c, before: product.before ?? null },
      uniforms: {
        rows,
        columns,
        depth,
        firstRow: product.firstRow ?? 0,
      },
      isQuadWide,
      grid: [
        Math.ceil(columns / (tiling.THREADS_N * tiling.MICRO_N)),
        Math.ceil(rows / (tiling.THREADS_M * tiling.MICRO_M)),
        1,
      ],
    });
  }

  /** The gradients of c = x·weightᵀ + bias from that of c, in one dispatch. */
  runBackward(layer: LinearBackward): void {
    const { dz, x, weight, dx, dweight, dbias, isRounded, firstRow = 0 } = layer;
    const [rows, outputs] = dz.shape as [number, number];
    const inputs = dweight.size / outputs;
    const isQuadWide = outputs % 4 === 0 && inputs % 4 === 0;
    const tiling = TILINGS[this.#choose(Math.min(outputs, inputs), isQuadWide, "Backward")];
    const { runtime } = this.#runner;
    // Without dx the weight itself is not read.
    const half = isRounded && isQuadWide && dx !== null ? this.#runner.halvesOf(weight) : weight;
    const isToRound = (operand: Tensor) => isRounded && runtime.storage(operand) === "float32";
    const tilesOf = (height: number) => Math.ceil(height / (tiling.THREADS_M * tiling.MICRO_M));
    const columnTiles = Math.ceil(inputs / (tiling.THREADS_N * tiling.MICRO_N));
    const weightTiles = tilesOf(outputs);
    const dxTiles = dx === null ? 0 : tilesOf(rows);
    const parts = this.#partsOf(
      tiling,
      rows,
      columnTiles * weightTiles,
      columnTiles * dxTiles * outputs,
    );
    const rowsOfPart = Math.ceil(rows / parts / tiling.K_TILE) * tiling.K_TILE;
    const ACCUMULATE = layer.isAdded ?? false;
    const HAS_BIAS = dbias !== null;
    const isSplit = parts > 1;
    const sumTensor = isSplit ? runtime.allocate([parts, outputs, inputs + 1]) : null;
    const sums = sumTensor && { quads: runtime.bindingOfOutput(sumTensor) };
    this.#runner.run({
      file: BACKWARD,
      constants: {
        ...constantsOf(tiling),
        ROUND_DZ: isToRound(dz),
        ROUND_X: isToRound(x),
        ROUND_WEIGHT: half === weight && isToRound(weight),
        HAS_BIAS,
        ACCUMULATE,
        SPLIT: isSplit,
      },
      reads: { dz, x, weight: half },
      writes: isSplit
        ? { dx, dweight: null, dbias: null, parts: sums }
        : { dx, dweight, dbias, parts: null },
      uniforms: {
        rows,
        inputs,
        outputs,
        weightTiles,
        weightGroups: weightTiles * parts,
        rowsOfPart,
        firstRow,
      },
      isQuadWide,
      grid: [columnTiles, weightTiles * parts + dxTiles, 1],
    });
    if (sumTensor === null) return;
    const quadsPerRow = Math.ceil(inputs / 4);
    this.#runner.run({
      file: SUM,
      constants: { WORKGROUP, HAS_BIAS, ACCUMULATE },
      reads: { parts: sums },
      writes: { dweight, dbias },
      uniforms: { inputs, outputs, quadsPerRow, parts },
      isQuadWide,
      grid: foldedGrid(outputs * quadsPerRow, WORKGROUP),
    });
    sumTensor.dispose();
  }

  /**
   * Into how many parts to split the rows for a weight of `tiles` tiles: a workgroup that loops
   * over all rows should not take longer than the device needs for everything, of which `others`
   * steps along k are not the weight's.
   */
  #partsOf(tiling: Tiling, rows: number, tiles: number, others: number): number {
    const { workgroups } = this.#choice;
    if (workgroups === 1) return 1;
    const area = tiling.THREADS_M * tiling.MICRO_M * tiling.THREADS_N * tiling.MICRO_N;
    const share = (rows * tiles + others) / (workgroups * 64 ** 2 / area);
    return Math.max(1, Math.min(MOST_PARTS, Math.round(rows / Math.max(SHORTEST_PART, share))));
  }

  /** A result that would leave most of a large tile empty, or is slow to load, gets a small one. */
  #choose(narrowest: number, isQuadWide: boolean, way: "" | "Backward"): TilingName {
    if (!isQuadWide || narrowest <= 48) return this.#choice.small;
    return this.#choice[`${narrowest < 96 ? "medium" : "large"}${way}`];
  }
}

function constantsOf(tiling: Tiling): Record<string, number> {
  /** Blocks of four by four that a thread fetches of a tile with `side` rows. */
  const blocksOf = (side: number) =>
    Math.ceil(side * tiling.K_TILE / 16 / (tiling.THREADS_M * tiling.THREADS_N));
  return {
    ...tiling,
    MICRO_QUADS_M: tiling.MICRO_M / 4,
    MICRO_QUADS_N: tiling.MICRO_N / 4,
    FETCHES_A: blocksOf(tiling.MICRO_M * tiling.THREADS_M),
    FETCHES_B: blocksOf(tiling.MICRO_N * tiling.THREADS_N),
  };
}
