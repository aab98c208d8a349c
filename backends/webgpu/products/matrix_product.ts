/**
 * The matrix products of linear layers: forward with bias and activation in the same pass, backward
 * all three gradients in one dispatch, or two if a weight is too small to keep a GPU busy.
 *
 * @module
 */

import backwardCode from "./linear_backward.wgsl" with { type: "text" };
import productCode from "./matrix_product.wgsl" with { type: "text" };
import biasGradientCode from "./bias_gradient.wgsl" with { type: "text" };
import sumCode from "./sum_parts.wgsl" with { type: "text" };
import activationCode from "../shaders/activation.wgsl" with { type: "text" };
import halfCode from "../shaders/half.wgsl" with { type: "text" };
import blocksCode from "./product_blocks.wgsl" with { type: "text" };
import matricesCode from "./product_matrices.wgsl" with { type: "text" };
import tilesCode from "./product_tiles.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Activation } from "../../kernels.ts";
import { foldedGrid, type ShaderRunner } from "../shaders/shader_runner.ts";
import { divide, type Division } from "./division.ts";
import { MATRIX_DIRECTIVES, type MatrixUnits } from "./matrix_units.ts";
import type { TilingChoice } from "./tilings.ts";
import { WORKGROUP } from "../shaders/shapes.ts";

const SHARED = [halfCode, blocksCode];

/** A shader for threads and for matrix units. */
function variants(name: string, code: string, includes: readonly string[]) {
  return {
    threads: { name, code, includes: [...includes, tilesCode] },
    units: {
      name: `${name}_units`,
      code,
      includes: [...includes, matricesCode],
      directives: MATRIX_DIRECTIVES,
    },
  };
}

const PRODUCT = variants("matrix_product", productCode, [activationCode, ...SHARED]);
const BACKWARD = variants("linear_backward", backwardCode, [
  activationCode,
  biasGradientCode,
  ...SHARED,
]);
const SUM = { name: "sum_parts", code: sumCode, includes: [biasGradientCode] };

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
  /** With `lastBias` it is that of the first third of the columns only. */
  readonly bias?: Tensor | null;
  /** That of the last third of the columns: those in between have none. */
  readonly lastBias?: Tensor | null;
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
  /** With `dlastBias` it is that of the first third of the outputs only. */
  readonly dbias: Tensor | null;
  /** Receives that of the last third of the outputs. */
  readonly dlastBias?: Tensor | null;
  /** `x` is an activation of `before`: `dx` becomes the gradient of that. */
  readonly through?: { readonly before: Tensor; readonly activation: Activation };
  /** Row of `x` and `dx` that the first of `dz` belongs to. */
  readonly firstRow?: number;
  /** Whether `dweight` and `dbias` are added to. */
  readonly isAdded?: boolean;
  /** Whether float32 operands are rounded to float16. */
  readonly isRounded: boolean;
}

/** Sums of parts take additional memory; more would gain little. */
const MOST_PARTS = 32;
/** Rows below which a part costs more than it gains. */
const SHORTEST_PART = 256;

/** Matrix units for float16 products forward and backward; null: by threads. */
export interface ProductUnits {
  readonly forward: MatrixUnits | null;
  readonly backward: MatrixUnits | null;
}

/** Threads compute everything. */
export const NO_UNITS: ProductUnits = { forward: null, backward: null };

/** Runs products with the tiling that suits their size. */
export class MatrixProducts {
  readonly #runner: ShaderRunner;
  readonly #choice: TilingChoice;
  readonly #units: ProductUnits;

  /** @param units what computes float16 products; default: threads, as all others */
  constructor(runner: ShaderRunner, choice: TilingChoice, units: ProductUnits = NO_UNITS) {
    this.#runner = runner;
    this.#choice = choice;
    this.#units = units;
  }

  run(product: MatrixProduct): void {
    const { a, b, c, rows, columns, depth, activation = "none", isRounded } = product;
    const isQuadWide = columns % 4 === 0 && depth % 4 === 0;
    const units = isRounded ? this.#units.forward : null;
    const narrowest = Math.min(rows, columns);
    const division = divide({ narrowest, isQuadWide, way: "", units }, this.#choice);
    const { runtime } = this.#runner;
    const weight = isRounded && isQuadWide ? this.#runner.halvesOf(b) : b;
    this.#runner.run({
      file: PRODUCT[division.by],
      constants: {
        ...division.constants,
        ROUND_A: isRounded && runtime.storage(a) === "float32",
        ROUND_B: isRounded && weight === b && runtime.storage(b) === "float32",
        HAS_BIAS: !!product.bias,
        IS_JOINT: !!product.lastBias,
        ACTIVATION: ACTIVATIONS[activation],
      },
      reads: { a, b: weight, bias: product.bias ?? null, lastBias: product.lastBias ?? null },
      writes: { c, before: product.before ?? null },
      uniforms: {
        rows,
        columns,
        depth,
        firstRow: product.firstRow ?? 0,
      },
      isQuadWide,
      grid: [
        Math.ceil(columns / division.width),
        Math.ceil(rows / division.height),
        1,
      ],
    });
  }

  /** The gradients of c = x·weightᵀ + bias from that of c, in one dispatch. */
  runBackward(layer: LinearBackward): void {
    const { dz, x, weight, dx, dweight, dbias, isRounded, firstRow = 0 } = layer;
    const { dlastBias = null, through } = layer;
    const [rows, outputs] = dz.shape as [number, number];
    const inputs = dweight.size / outputs;
    const isQuadWide = outputs % 4 === 0 && inputs % 4 === 0;
    const units = isRounded ? this.#units.backward : null;
    const narrowest = Math.min(outputs, inputs);
    const division = divide({ narrowest, isQuadWide, way: "Backward", units }, this.#choice);
    const { runtime } = this.#runner;
    // Without dx the weight itself is not read.
    const half = isRounded && isQuadWide && dx !== null ? this.#runner.halvesOf(weight) : weight;
    const isToRound = (operand: Tensor) => isRounded && runtime.storage(operand) === "float32";
    const tilesOf = (height: number) => Math.ceil(height / division.height);
    const columnTiles = Math.ceil(inputs / division.width);
    const weightTiles = tilesOf(outputs);
    const dxTiles = dx === null ? 0 : tilesOf(rows);
    const parts = this.#partsOf(
      division,
      rows,
      columnTiles * weightTiles,
      columnTiles * dxTiles * outputs,
    );
    const rowsOfPart = Math.ceil(rows / parts / division.depth) * division.depth;
    const ACCUMULATE = layer.isAdded ?? false;
    const HAS_BIAS = dbias !== null;
    const IS_JOINT = dlastBias !== null;
    const isSplit = parts > 1;
    const sumTensor = isSplit ? runtime.allocate([parts, outputs, inputs + 1]) : null;
    const sums = sumTensor && { quads: runtime.bindingOfOutput(sumTensor) };
    this.#runner.run({
      file: BACKWARD[division.by],
      constants: {
        ...division.constants,
        ROUND_DZ: isToRound(dz),
        ROUND_X: isToRound(x),
        ROUND_WEIGHT: half === weight && isToRound(weight),
        ACTIVATION: ACTIVATIONS[through?.activation ?? "none"],
        // As if it had been stored in between.
        ROUND_DX: through !== undefined && isRounded && isQuadWide,
        HAS_BIAS,
        IS_JOINT,
        ACCUMULATE,
        SPLIT: isSplit,
      },
      reads: { dz, x, weight: half, before: through?.before ?? null },
      writes: isSplit
        ? { dx, dweight: sums, dbias: null, dlastBias: null }
        : { dx, dweight, dbias, dlastBias },
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
      constants: { WORKGROUP, HAS_BIAS, IS_JOINT, ACCUMULATE },
      reads: { parts: sums },
      writes: { dweight, dbias, dlastBias },
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
  #partsOf({ height, width }: Division, rows: number, tiles: number, others: number): number {
    const { workgroups } = this.#choice;
    if (workgroups === 1) return 1;
    const area = height * width;
    const share = (rows * tiles + others) / (workgroups * 64 ** 2 / area);
    return Math.max(1, Math.min(MOST_PARTS, Math.round(rows / Math.max(SHORTEST_PART, share))));
  }
}
