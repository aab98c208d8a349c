/**
 * The fused kernels that a backend may implement, as plain functions over tensors.
 *
 * Tensors are float32 unless said otherwise, row-major and contiguous. A kernel returns new tensors and leaves
 * its inputs unchanged, except for those marked "in place". `saved` is what the matching `backward` needs; the
 * op keeps it on the tape. Kernels run outside the tape, so they may use tfjs ops freely. With a reduced
 * `precision`, matrix operands are rounded to that format and products summed in float32.
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";
import type { Precision } from "./precision.ts";

/** Function applied to a linear layer's output; `gelu` is the exact one (erf), not the tanh form. */
export type Activation = "none" | "gelu" | "quickGelu" | "tanh";

/** y = activation(x·weightᵀ + bias), on rows. */
export interface LinearKernel {
  /** `x` [R, I], `weight` [O, I], `bias` [O] or null → `y` [R, O]. */
  forward(
    args: {
      x: Tensor;
      weight: Tensor;
      bias: Tensor | null;
      activation: Activation;
      precision: Precision;
    },
  ): { y: Tensor; saved: Tensor[] };
  /** `dy` [R, O] → gradients; `dx` is null if it is not needed, `dbias` if there was no bias. */
  backward(
    args: {
      dy: Tensor;
      x: Tensor;
      weight: Tensor;
      bias: Tensor | null;
      saved: Tensor[];
      activation: Activation;
      needsInputGradient: boolean;
      precision: Precision;
    },
  ): { dx: Tensor | null; dweight: Tensor; dbias: Tensor | null };
}

/** The bias of a joint q, k, v projection, which has none for k. */
export interface QkvBiasKernel {
  /** `qBias`, `vBias` [C] → `y` [3·C]: q, zeros, v. */
  forward(args: { qBias: Tensor; vBias: Tensor }): { y: Tensor };
  /** `dy` [3·C] → its first and its last third. */
  backward(
    args: { dy: Tensor; qBias: Tensor; vBias: Tensor },
  ): { dqBias: Tensor; dvBias: Tensor };
}

/** Layer norm over the last axis of rows. */
export interface LayerNormKernel {
  /**
   * `x` [R, C], `weight` and `bias` [C] → `y` [R, C]. With `productPrecision`, only products in that format read
   * `y`, which may be rounded to it already.
   */
  forward(
    args: {
      x: Tensor;
      weight: Tensor;
      bias: Tensor;
      epsilon: number;
      productPrecision?: Precision;
    },
  ): { y: Tensor; saved: Tensor[] };
  /** Gradients of all inputs, from that of `y`. */
  backward(
    args: {
      dy: Tensor;
      x: Tensor;
      weight: Tensor;
      bias: Tensor;
      saved: Tensor[];
      epsilon: number;
      soFar?: Tensor;
    },
  ): { dx: Tensor; dweight: Tensor; dbias: Tensor };
  /** Whether `backward` adds `dx` to `soFar`, the gradient of `x` from elsewhere. */
  readonly addsGradient?: boolean;
}

/** softmax(scale·q·kᵀ + bias)·v for all heads. */
export interface AttentionKernel {
  /**
   * `qkv` [B, N, 3·C], the last axis in the order (q|k|v, head, channel); `bias` [H, N, N] or null
   * → `y` [B, N, C].
   */
  forward(
    args: { qkv: Tensor; bias: Tensor | null; heads: number; scale: number; precision: Precision },
  ): { y: Tensor; saved: Tensor[] };
  /** Gradients of `qkv` and `bias`, from that of `y`. */
  backward(
    args: {
      dy: Tensor;
      qkv: Tensor;
      bias: Tensor | null;
      y: Tensor;
      saved: Tensor[];
      heads: number;
      scale: number;
      precision: Precision;
      soFar?: Tensor;
    },
  ): { dqkv: Tensor; dbias: Tensor | null };
  /** Whether `backward` adds `dbias` to `soFar`, the gradient of `bias` from elsewhere. */
  readonly addsGradient?: boolean;
}

/** y = x + keep·gamma·branch: layer scale, drop path and residual in one pass. */
export interface ResidualKernel {
  /**
   * `x`, `branch` [B, N, C] or [B, C]; `gamma` [C] or null; `keep` [B] (0 or 1/keep probability) or
   * null.
   */
  forward(
    args: { x: Tensor; branch: Tensor; gamma: Tensor | null; keep: Tensor | null },
  ): { y: Tensor };
  /** The gradient of `x` is `dy` itself and not computed here. */
  backward(
    args: { dy: Tensor; branch: Tensor; gamma: Tensor | null; keep: Tensor | null },
  ): { dbranch: Tensor; dgamma: Tensor | null };
}

/** Convolution of whole, non-overlapping patches, as a matrix product. */
export interface PatchEmbedKernel {
  /** `images` [B, 3, H, W], `weight` [C, 3, p, p], `bias` [C] → `y` [B, (H/p)·(W/p), C]. */
  forward(
    args: { images: Tensor; weight: Tensor; bias: Tensor; precision: Precision },
  ): { y: Tensor };
  /** Gradients of `weight` and `bias`, from that of `y`. */
  backward(
    args: { dy: Tensor; images: Tensor; weight: Tensor; bias: Tensor; precision: Precision },
  ): { dweight: Tensor; dbias: Tensor };
}

/** Replaces masked patches with the mask token, prepends the cls token, and adds positions. */
export interface AssembleTokensKernel {
  /**
   * `patches` [B, N, C]; `mask` [B, N] of 0 and 1, or null; `maskToken`, `clsToken` [1, 1, C];
   * `positions` [1, N + 1, C] or null → `y` [B, N + 1, C].
   */
  forward(
    args: {
      patches: Tensor;
      mask: Tensor | null;
      maskToken: Tensor | null;
      clsToken: Tensor;
      positions: Tensor | null;
    },
  ): { y: Tensor };
  /** Gradients of all inputs, from that of `y`. */
  backward(
    args: { dy: Tensor; mask: Tensor | null; hasPositions: boolean },
  ): {
    dpatches: Tensor;
    dmaskToken: Tensor | null;
    dclsToken: Tensor;
    dpositions: Tensor | null;
  };
}

/** Rows of the bias table arranged as one matrix per head. */
export interface RelativePositionBiasKernel {
  /** `table` [T, H], `index` int32 [N, N] → `y` [H, N, N]. */
  forward(args: { table: Tensor; index: Tensor }): { y: Tensor };
  /** `dy` [H, N, N] → `dtable` [T, H]; sums in a fixed order. */
  backward(args: { dy: Tensor; index: Tensor; rows: number }): { dtable: Tensor };
}

/** Selected rows of a matrix. In float16 precision, `x` may be kept in that format for the backward pass. */
export interface SelectRowsKernel {
  /** `x` [R, C], `rows` int32 [M], each at most once → `y` [M, C]. */
  forward(args: { x: Tensor; rows: Tensor; precision: Precision }): { y: Tensor };
  /** `dy` [M, C] → `dx` [`rowCount`, C], zero in all other rows. */
  backward(args: { dy: Tensor; rows: Tensor; rowCount: number }): { dx: Tensor };
}

/** Linear head → softmax cross-entropy, in chunks of the vocabulary. */
export interface LinearCrossEntropyKernel {
  /**
   * `x` [M, C]; `weight` [K, C]; `bias` [K]; `targets` int32 [M]
   * → `loss` [] (mean over M) and `correct` [] (share of rows whose argmax is the target).
   */
  forward(
    args: { x: Tensor; weight: Tensor; bias: Tensor; targets: Tensor; precision: Precision },
  ): { loss: Tensor; correct: Tensor; saved: Tensor[] };
  /** `dloss` [] → gradients. */
  backward(
    args: {
      dloss: Tensor;
      x: Tensor;
      weight: Tensor;
      bias: Tensor;
      targets: Tensor;
      saved: Tensor[];
      precision: Precision;
    },
  ): { dx: Tensor; dweight: Tensor; dbias: Tensor };
}

/** x / max(‖x‖, 1e-12) on rows. */
export interface L2NormalizeKernel {
  /** `x` [R, D]. */
  forward(args: { x: Tensor }): { y: Tensor; saved: Tensor[] };
  /** The gradient of `x`, from that of `y`. */
  backward(args: { dy: Tensor; x: Tensor; y: Tensor; saved: Tensor[] }): { dx: Tensor };
}

/** Mean of 1 − cos(prediction, target) over rows. */
export interface CosineLossKernel {
  /** `prediction`, `target` [R, D] → `loss` []. */
  forward(args: { prediction: Tensor; target: Tensor }): { loss: Tensor; saved: Tensor[] };
  /** The gradient of `prediction`, from that of `loss`. */
  backward(
    args: { dloss: Tensor; prediction: Tensor; target: Tensor; saved: Tensor[] },
  ): { dprediction: Tensor };
}

/** One AdamW step over all parameters: see `ops/adam_w.ts` for the arithmetic and the scaler. */
export interface AdamWArguments {
  /** Updated in place. */
  parameters: Tensor[];
  /** Their gradients, of the same shapes. */
  gradients: Tensor[];
  /** Updated in place. */
  firstMoments: Tensor[];
  /** Updated in place. */
  secondMoments: Tensor[];
  /** One per parameter. */
  learningRates: number[];
  /** One per parameter. */
  weightDecays: number[];
  /** Decay of the mean of the gradients. */
  beta1: number;
  /** Decay of the mean of their squares. */
  beta2: number;
  /** Added to the root of that mean. */
  epsilon: number;
  /** Largest global gradient norm, or null for no clipping. */
  maxGradientNorm: number | null;
  /** float32 [4], updated in place: loss scale, good steps in a row, Adam's t, skipped steps. */
  scaler: Tensor;
  /**
   * Good steps after which the loss scale doubles; null keeps it constant. A non-finite step is skipped either
   * way.
   */
  growthInterval: number | null;
}

/** Every fused kernel; a backend implements some of them. Each has a conformance case. */
export interface Kernels {
  /** A linear layer, with its activation if it has one. */
  linear: LinearKernel;
  /**
   * For backends where the calls of a composition cost more than the work: a few hundred numbers are copied.
   */
  qkvBias?: QkvBiasKernel;
  /** Layer norm over the last axis. */
  layerNorm: LayerNormKernel;
  /** Multi-head self-attention from q, k and v to the heads' outputs. */
  attention: AttentionKernel;
  /** The sum of a block's input and its branch, with layer scale and drop path. */
  residual: ResidualKernel;
  /** The projection of image patches to tokens. */
  patchEmbed: PatchEmbedKernel;
  /** The class token, patches or mask tokens, and positions as one sequence. */
  assembleTokens: AssembleTokensKernel;
  /** The bias of every pair of tokens, from a table of relative positions. */
  relativePositionBias: RelativePositionBiasKernel;
  /** Selected rows of a matrix. */
  selectRows: SelectRowsKernel;
  /** A linear layer and the cross-entropy of its logits, which are never all in memory at once. */
  linearCrossEntropy: LinearCrossEntropyKernel;
  /** Rows divided by their Euclidean length. */
  l2Normalize: L2NormalizeKernel;
  /** One minus the cosine similarity of the rows of two matrices, averaged. */
  cosineLoss: CosineLossKernel;
  /** `z` [M, D] and `codebook` [K, D], unit rows → ids int32 [M]; the lowest id wins a tie. */
  nearestCode(args: { z: Tensor; codebook: Tensor }): Tensor;
  /** `z` [M, D], `ids` int32 [M] → `counts` [K] and `sums` [K, D] of the rows of each code. */
  codeStatistics(
    args: { z: Tensor; ids: Tensor; codes: number },
  ): { counts: Tensor; sums: Tensor };
  /** New `codebook` [K, D] and `clusterSize` [K] after one EMA update with unit-norm means. */
  emaCodebookUpdate(
    args: { codebook: Tensor; clusterSize: Tensor; counts: Tensor; sums: Tensor; decay: number },
  ): { codebook: Tensor; clusterSize: Tensor };
  /** → float32 [3]: unscaled gradient norm before clipping, loss scale used, 1 if skipped. */
  adamW(args: AdamWArguments): Tensor;
}
