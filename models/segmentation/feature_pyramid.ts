/**
 * From the patch tokens of four blocks to feature maps at 4, 2, 1 and ½ times the patch grid, as in
 * unilm's segmentation backbone.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import { takeTokens } from "../../backends/ops/take_tokens.ts";
import { torchDefault } from "../initial_values.ts";
import { affineSpecs } from "../layers/affine.ts";
import { batchNormSpecs, normalizeBatch } from "../layers/conv_norm.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";

/**
 * The pyramid's transposed convolutions, under unilm's names `fpn1` and `fpn2`. They are initialised
 * with PyTorch's default, which treats the second axis of a transposed weight as the inputs.
 */
export function pyramidSpecs(embedDim: number): ParameterSpec[] {
  const doubling = (name: string) =>
    affineSpecs(name, [embedDim, embedDim, 2, 2], () => torchDefault);
  return [
    ...doubling("fpn1.0"),
    ...batchNormSpecs("fpn1.1", embedDim),
    ...doubling("fpn1.3"),
    ...doubling("fpn2.0"),
  ];
}

/** The patch tokens of a block as a map, tokens [B, N + 1, C] → [B, √N, √N, C]. */
export function mapOfTokens(on: Context, tokens: Tensor): Tensor {
  const [batch, count, width] = tokens.shape as [number, number, number];
  const side = Math.sqrt(count - 1);
  return tf.reshape(takeTokens(on, tokens, "patches"), [batch, side, side, width]);
}

/** A transposed convolution with kernel and stride 2, x [B, H, W, I] → [B, 2·H, 2·W, O]. */
export function double(on: Context, parameters: ParameterScope, x: Tensor): Tensor {
  const [batch, height, width] = x.shape as [number, number, number, number];
  const weight = parameters.value("weight"); // [I, O, 2, 2]
  const [inputs, outputs] = weight.shape as [number, number];
  const matrix = tf.reshape(tf.transpose(weight, [2, 3, 1, 0]), [4 * outputs, inputs]);
  const bias = tf.tile(parameters.value("bias"), [4]);
  const y = tf.reshape(linear(on, x, matrix, bias), [batch * height, width, 4 * outputs]);
  // The upper two pixels of each go into one row, the lower two into the next.
  const rows = [0, 2 * outputs].map((start) =>
    tf.reshape(
      tf.slice(y, [0, 0, start], [batch * height, width, 2 * outputs]),
      [batch * height, 1, 2 * width, outputs],
    )
  );
  return tf.reshape(tf.concat(rows, 1), [batch, 2 * height, 2 * width, outputs]);
}

/** Max pooling with kernel and stride 2, x [B, H, W, C] → [B, H/2, W/2, C]. */
export function halve(x: Tensor): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const pairs = tf.reshape(x, [batch * height / 2, 2, width / 2, 2 * channels]);
  const at = (row: number, column: number) =>
    tf.slice(pairs, [0, row, 0, column * channels], [
      batch * height / 2,
      1,
      width / 2,
      channels,
    ]);
  // For equal values, the first in reading order wins, as in PyTorch.
  const largest = tf.maximum(tf.maximum(at(0, 0), at(0, 1)), tf.maximum(at(1, 0), at(1, 1)));
  return tf.reshape(largest, [batch, height / 2, width / 2, channels]);
}

/** GELU, x of any shape. */
function gelu(x: Tensor): Tensor {
  return tf.mul(tf.mul(x, 0.5), tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1));
}

/** Four maps [B, H, W, C] of the same size → the pyramid, finest first. */
export function featurePyramid(
  on: Context,
  parameters: ParameterScope,
  maps: readonly Tensor[],
  isTraining: boolean,
): Tensor[] {
  const [first, second, third, fourth] = maps;
  const middle = double(on, parameters.scope("fpn1.0"), first);
  const normalized = normalizeBatch(on, parameters.scope("fpn1.1"), middle, isTraining);
  return [
    double(on, parameters.scope("fpn1.3"), gelu(normalized)),
    double(on, parameters.scope("fpn2.0"), second),
    third,
    halve(fourth),
  ];
}
