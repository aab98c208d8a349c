/**
 * Labelled views → normalised images and soft targets, in training mixed by mixup or CutMix.
 *
 * @module
 */

import {
  drawMix,
  type MixDraw,
  mixImages,
  type MixOptions,
  softLabels,
} from "../../../data/augment/mix.ts";
import { type Normalization, normalizeToTensorData } from "../../../data/images/normalize.ts";
import type { AugmentedBatch } from "../../../pipeline/batch.ts";
import type { Stage, StepContext } from "../../../pipeline/stage.ts";

/** … with a classifier's input and target. */
export interface MixedBatch extends AugmentedBatch {
  /** Normalised images, float32 [B, 3, S, S]. */
  readonly images: Float32Array;
  /** A distribution over the classes for each image, float32 [B, classes]. */
  readonly targets: Float32Array;
}

/** How images and labels are mixed. */
export interface MixStageOptions {
  readonly normalization: Normalization;
  readonly classes: number;
  /** Share of each target that is spread over all classes. */
  readonly smoothing: number;
  /** null for no mixing. */
  readonly mix: MixOptions | null;
}

/**
 * The stage `mix`: one draw per micro-batch, whose images are mixed with each other.
 *
 * @example Without mixing, targets are smoothed labels
 * ```ts
 * import { Stopwatch } from "../../../core/clock.ts";
 * import { Generator } from "../../../core/generator.ts";
 * import { unitNormalization } from "../../../data/images/normalize.ts";
 * import type { AugmentedBatch } from "../../../pipeline/batch.ts";
 * import { mix } from "./mix.ts";
 * import type { StepContext } from "../../../pipeline/stage.ts";
 *
 * const stage = mix({ normalization: unitNormalization, classes: 2, smoothing: 0.2, mix: null });
 * const batch = {
 *   size: 1, imageSize: 1, pixels: Uint8Array.of(0, 255, 0), labels: Int32Array.of(1),
 * } as AugmentedBatch;
 * const context: StepContext = {
 *   ...{ step: 0, microBatch: 0, microBatches: 1, firstImage: 0 },
 *   generator: Generator.from(0),
 *   stopwatch: new Stopwatch(),
 * };
 * const { targets } = await stage.run(batch, context);
 * if (Math.abs(targets[1] - 0.9) > 1e-6) throw new Error(targets.join());
 * ```
 */
export function mix(
  options: MixStageOptions,
): Stage<AugmentedBatch, MixedBatch, StepContext> & { readonly name: "mix" } {
  const { classes, smoothing, normalization: { mean, std } } = options;
  return {
    name: "mix",
    run(batch, { generator, firstImage }) {
      const { size, imageSize, pixels, labels } = batch;
      const plain = normalizeToTensorData(pixels, size, imageSize, mean, std);
      const draw: MixDraw | undefined = options.mix === null
        ? undefined
        : drawMix(generator.split("mix", firstImage), size, imageSize, options.mix);
      return {
        ...batch,
        images: draw === undefined ? plain : mixImages(plain, imageSize, draw),
        targets: softLabels(labels, classes, {
          smoothing,
          ...(draw === undefined ? {} : { draw }),
        }),
      };
    },
  };
}
