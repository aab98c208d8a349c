/** Products of matrices in whichever orientation, with bias and activation in the same pass. @module */

import productCode from "../shaders/matrix_product.wgsl" with { type: "text" };
import activationCode from "../shaders/activation.wgsl" with { type: "text" };
import halfCode from "../shaders/half.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Activation } from "../../kernels.ts";
import type { ShaderRunner } from "../shader.ts";

const PRODUCT = { name: "matrix_product", code: productCode, includes: [activationCode, halfCode] };

/** Numbers of the activations in `activation.wgsl`. */
export const ACTIVATIONS: Record<Activation, number> = { none: 0, gelu: 1, quickGelu: 2, tanh: 3 };

/** c [rows, columns] = a·b over `depth`. */
export interface MatrixProduct {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly c: Tensor;
  readonly rows: number;
  readonly columns: number;
  readonly depth: number;
  /** Whether `a` is stored [rows, depth], else [depth, rows]. */
  readonly isAAlongDepth: boolean;
  /** Whether `b` is stored [columns, depth], else [depth, columns]. */
  readonly isBAlongDepth: boolean;
  /** Whether float32 operands are rounded to float16. */
  readonly isRounded: boolean;
  /** Rows, as stored, to skip at the beginning of `a`, `b` and `c`. */
  readonly firstRows?: { readonly a?: number; readonly b?: number; readonly c?: number };
  /** Whether the product is added to `c`. */
  readonly isAdded?: boolean;
  readonly bias?: Tensor | null;
  readonly activation?: Activation;
  /** Receives the value before the activation; given if and only if there is an activation. */
  readonly before?: Tensor | null;
}

/** How the work of a product is divided. */
export interface Tiling {
  readonly THREADS_M: number;
  readonly THREADS_N: number;
  readonly MICRO_M: number;
  readonly MICRO_N: number;
  readonly K_TILE: number;
}

/** Tilings for large and for small results; which is fastest differs from one GPU to another. */
export const TILINGS = {
  square32: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 4, MICRO_N: 4, K_TILE: 16 },
  square64: { THREADS_M: 16, THREADS_N: 16, MICRO_M: 4, MICRO_N: 4, K_TILE: 16 },
  square64Wide: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 8, MICRO_N: 8, K_TILE: 16 },
  square128: { THREADS_M: 16, THREADS_N: 16, MICRO_M: 8, MICRO_N: 8, K_TILE: 16 },
  square128Wide: { THREADS_M: 8, THREADS_N: 8, MICRO_M: 16, MICRO_N: 16, K_TILE: 8 },
} satisfies Record<string, Tiling>;

/** Name of a tiling. */
export type TilingName = keyof typeof TILINGS;

/** Runs products with the tiling that suits their size. */
export class MatrixProducts {
  readonly #runner: ShaderRunner;
  /** The best tiling for results that fill it. */
  large: TilingName;

  constructor(runner: ShaderRunner, large: TilingName) {
    this.#runner = runner;
    this.large = large;
  }

  run(product: MatrixProduct): void {
    const { a, b, c, rows, columns, depth, activation = "none", isRounded } = product;
    const isQuadWide = columns % 4 === 0 && (product.isAAlongDepth ? depth : rows) % 4 === 0 &&
      (!product.isBAlongDepth || depth % 4 === 0);
    const tiling = TILINGS[this.#choose(product, isQuadWide)];
    const { runtime } = this.#runner;
    this.#runner.run({
      file: PRODUCT,
      constants: {
        ...tiling,
        MICRO_QUADS_M: tiling.MICRO_M / 4,
        MICRO_QUADS_N: tiling.MICRO_N / 4,
        K_UNROLL: 2,
        A_ALONG_K: product.isAAlongDepth,
        B_ALONG_K: product.isBAlongDepth,
        ROUND_A: isRounded && runtime.storage(a) === "float32",
        ROUND_B: isRounded && runtime.storage(b) === "float32",
        HAS_BIAS: !!product.bias,
        ACCUMULATE: product.isAdded ?? false,
        ACTIVATION: ACTIVATIONS[activation],
      },
      reads: { a, b, bias: product.bias ?? null },
      writes: { c, before: product.before ?? null },
      uniforms: {
        rows,
        columns,
        depth,
        firstA: product.firstRows?.a ?? 0,
        firstB: product.firstRows?.b ?? 0,
        firstC: product.firstRows?.c ?? 0,
      },
      isQuadWide,
      grid: [
        Math.ceil(columns / (tiling.THREADS_N * tiling.MICRO_N)),
        Math.ceil(rows / (tiling.THREADS_M * tiling.MICRO_M)),
        1,
      ],
    });
  }

  /** What would leave most of a large tile empty, or is slow to load, gets a small one. */
  #choose({ rows, columns }: MatrixProduct, isQuadWide: boolean): TilingName {
    return !isQuadWide || Math.min(rows, columns) <= 48 ? "square32" : this.large;
  }
}
