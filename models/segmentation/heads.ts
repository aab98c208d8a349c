/**
 * The heads on feature maps: UPerNet (Xiao et al. 2018), the auxiliary FCN, and a linear layer, as
 * in mmsegmentation.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import { resizeBilinear } from "../../backends/ops/resize_bilinear.ts";
import { matrix, normal } from "../initial_values.ts";
import { affineSpecs } from "../layers/affine.ts";
import { batchNormSpecs, convNorm, convNormSpecs, normalizeBatch } from "../layers/conv_norm.ts";
import type { DropPathDraws } from "../layers/drop_path.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import type { SegmenterConfig } from "./segmenter_config.ts";

/** The options of a head. */
export interface HeadOptions {
  readonly isTraining: boolean;
  /** Share of the channels dropped in training. */
  readonly dropout: number;
  /** Where dropout is drawn from; null outside training. */
  readonly draws: DropPathDraws | null;
}

/** Means over `scale` × `scale` areas, x [B, H, W, C] → [B, scale, scale, C]; areas may overlap. */
export function adaptiveMeanPool(x: Tensor, scale: number): Tensor {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const matrix = new Float32Array(scale * scale * height * width);
  const bounds = (index: number, length: number) => [
    Math.floor(index * length / scale),
    Math.ceil((index + 1) * length / scale),
  ];
  for (let area = 0; area < scale * scale; area++) {
    const [top, bottom] = bounds(Math.floor(area / scale), height);
    const [left, right] = bounds(area % scale, width);
    const share = 1 / ((bottom - top) * (right - left));
    for (let row = top; row < bottom; row++) {
      const start = (area * height + row) * width;
      matrix.fill(share, start + left, start + right);
    }
  }
  const areas = tf.tensor3d(matrix, [1, scale * scale, height * width]);
  const means = tf.matMul(areas, tf.reshape(x, [batch, height * width, channels]));
  return tf.reshape(means, [batch, scale, scale, channels]);
}

function sizeOf(x: Tensor): [number, number] {
  return [x.shape[1]!, x.shape[2]!];
}

/** Drops whole channels, sample by sample (`Dropout2d`), x [B, H, W, C]. */
function dropChannels(x: Tensor, { dropout, draws }: HeadOptions): Tensor {
  if (draws === null || dropout === 0) return x;
  const [batch, , , channels] = x.shape as [number, number, number, number];
  const { generator, first } = draws;
  for (let before = 0; before < first * channels; before++) generator.next();
  const keep = Float32Array.from(
    { length: batch * channels },
    () => generator.next() < dropout ? 0 : 1 / (1 - dropout),
  );
  return tf.mul(x, tf.tensor(keep, [batch, 1, 1, channels]));
}

/** A head's classifier, [classes, inputs, 1, 1], initialised as in mmsegmentation. */
function classifierSpecs(prefix: string, classes: number, inputs: number): ParameterSpec[] {
  return affineSpecs(`${prefix}.conv_seg`, [classes, inputs, 1, 1], () => matrix(normal(0.01)));
}

/** Scores at each position, x [B, H, W, C] → [B, H, W, classes], in float32. */
function classify(on: Context, parameters: ParameterScope, x: Tensor, options: HeadOptions) {
  const head = parameters.scope("conv_seg");
  const weight = head.value("weight");
  const [classes, inputs] = weight.shape as [number, number];
  const matrix = tf.reshape(weight, [classes, inputs]);
  return linear(on, dropChannels(x, options), matrix, head.value("bias"));
}

/** The coarsest map concatenated with its means over grids of several sizes. */
function pyramidPooling(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  poolScales: readonly number[],
  isTraining: boolean,
): Tensor {
  const pooled = poolScales.map((scale, index) => {
    const scope = parameters.scope(`psp_modules.${index}.1`);
    const means = convNorm(on, scope, adaptiveMeanPool(x, scale), isTraining);
    return resizeBilinear(on, means, ...sizeOf(x));
  });
  return convNorm(on, parameters.scope("bottleneck"), tf.concat([x, ...pooled], 3), isTraining);
}

/** The parameters of {@link uperNet} on a pyramid of four levels. */
export function uperNetSpecs(prefix: string, config: SegmenterConfig): ParameterSpec[] {
  const { channels, poolScales, classes, encoder: { embedDim } } = config;
  const conv = (name: string, inputs: number, side: number) =>
    convNormSpecs(`${prefix}.${name}`, { outputs: channels, inputs, side });
  const lower = [0, 1, 2];
  return [
    ...classifierSpecs(prefix, classes, channels),
    ...poolScales.flatMap((_, index) => conv(`psp_modules.${index}.1`, embedDim, 1)),
    ...conv("bottleneck", embedDim + poolScales.length * channels, 3),
    ...lower.flatMap((level) => conv(`lateral_convs.${level}`, embedDim, 1)),
    ...lower.flatMap((level) => conv(`fpn_convs.${level}`, channels, 3)),
    ...conv("fpn_bottleneck", 4 * channels, 3),
  ];
}

/**
 * UPerNet: pyramid pooling on the coarsest map, a top-down path, all levels merged at the finest.
 *
 * @param pyramid [B, H, W, C], finest first
 * @returns scores at the finest level, [B, H, W, classes]
 */
export function uperNet(
  on: Context,
  parameters: ParameterScope,
  pyramid: readonly Tensor[],
  options: HeadOptions & { readonly poolScales: readonly number[] },
): Tensor {
  const { isTraining, poolScales } = options;
  const lower = pyramid.slice(0, -1);
  const laterals = [
    ...lower.map((map, level) =>
      convNorm(on, parameters.scope(`lateral_convs.${level}`), map, isTraining)
    ),
    pyramidPooling(on, parameters, pyramid.at(-1)!, poolScales, isTraining),
  ];
  for (let level = laterals.length - 1; level > 0; level--) {
    const below = laterals[level - 1];
    laterals[level - 1] = tf.add(below, resizeBilinear(on, laterals[level], ...sizeOf(below)));
  }
  const levels = laterals.map((map, level) =>
    level === lower.length
      ? map
      : convNorm(on, parameters.scope(`fpn_convs.${level}`), map, isTraining)
  );
  const whole = levels.map((map) => resizeBilinear(on, map, ...sizeOf(levels[0])));
  const fused = convNorm(
    on,
    parameters.scope("fpn_bottleneck"),
    tf.concat(whole, 3),
    isTraining,
  );
  return classify(on, parameters, fused, options);
}

/** The parameters of {@link fcnHead}. */
export function fcnSpecs(prefix: string, config: SegmenterConfig): ParameterSpec[] {
  const { auxiliaryChannels: outputs, classes, encoder: { embedDim } } = config;
  return [
    ...classifierSpecs(prefix, classes, outputs),
    ...convNormSpecs(`${prefix}.convs.0`, { outputs, inputs: embedDim, side: 3 }),
  ];
}

/** The auxiliary head: one convolution and a classifier, map [B, H, W, C] → [B, H, W, classes]. */
export function fcnHead(
  on: Context,
  parameters: ParameterScope,
  map: Tensor,
  options: HeadOptions,
): Tensor {
  const features = convNorm(on, parameters.scope("convs.0"), map, options.isTraining);
  return classify(on, parameters, features, options);
}

/** The parameters of {@link linearHead}. */
export function linearHeadSpecs(prefix: string, config: SegmenterConfig): ParameterSpec[] {
  const { classes, encoder: { embedDim } } = config;
  return [
    ...batchNormSpecs(`${prefix}.bn`, embedDim),
    ...classifierSpecs(prefix, classes, embedDim),
  ];
}

/** Batch norm and a classifier, map [B, H, W, C] → [B, H, W, classes]. */
export function linearHead(
  on: Context,
  parameters: ParameterScope,
  map: Tensor,
  options: HeadOptions,
): Tensor {
  const normalized = normalizeBatch(on, parameters.scope("bn"), map, options.isTraining);
  return classify(on, parameters, normalized, options);
}
