/**
 * The stages of VQ-KD training between the teacher and the optimizer: encode, quantise and decode,
 * then update the codebook.
 *
 * @module
 */

import { tf } from "../../../deps/tfjs.ts";
import type { Normalization } from "../../../data/images/normalize.ts";
import type { VqkdOutput, VqkdTokenizer } from "../../../models/vqkd_tokenizer.ts";
import { withoutGradient } from "../../../backends/tfjs/without_gradient.ts";
import type { LossOutput } from "../../../pipeline/batch.ts";
import { StepStatistics } from "../code_statistics.ts";
import type { Stage } from "../../../pipeline/stage.ts";
import type { TaughtBatch } from "./teach.ts";
import { imageTensor } from "../../../pipeline/tokenize.ts";

/** The stage `encode` of tokenizer training: encoder, nearest codes, decoder, losses. */
export function encodeAndDecode(
  tokenizer: VqkdTokenizer,
  normalization: Normalization,
  { recompute = 0 }: { readonly recompute?: number } = {},
): Stage<TaughtBatch, VqkdOutput> & { readonly name: "encode" } {
  return {
    name: "encode",
    run({ pixels, size, imageSize, targets }, { on }) {
      const images = imageTensor(pixels, size, imageSize, normalization);
      return tokenizer.forward(on, images, targets, recompute);
    },
  };
}

/** How the codebook is updated. */
export interface QuantizeOptions {
  /** Steps without a hit after which a code is restarted from a token of the batch; null: never. */
  readonly restartIdleSteps: number | null;
}

/**
 * The stage `quantize`: one EMA update of the codebook per step, from all micro-batches of all ranks, after
 * they were quantised with the old one; none in a watched step. Its details are the hits of each code, [K]; its
 * metric `quantizationError` is the mean distance between a token and its code, both normalised to length 1.
 */
export function quantize(
  tokenizer: VqkdTokenizer,
  { restartIdleSteps }: QuantizeOptions,
): Stage<VqkdOutput, LossOutput> & { readonly name: "quantize" } {
  const statistics = new StepStatistics();
  return {
    name: "quantize",
    run(output, context) {
      const { on, generator } = context;
      const { loss, reconstructionLoss, quantizationLoss, z, ids, quantized } = output;
      const own = tokenizer.codebook.statistics(on, z, ids);
      const places = restartIdleSteps === null ? null : z;
      if (on.watch === undefined) {
        statistics.add(own, places, context, (whole, places) => {
          const restart = places === null
            ? undefined
            : { idleSteps: restartIdleSteps!, z: places, generator: generator.split("restart") };
          tokenizer.codebook.update(on, whole, restart);
        });
      }
      const [teacherCosine, quantizationError] = withoutGradient(() => [
        tf.sub(1, reconstructionLoss),
        tf.mean(tf.sqrt(tf.sum(tf.square(tf.sub(z, quantized)), -1))),
      ]);
      const metrics = { reconstructionLoss, quantizationLoss, teacherCosine, quantizationError };
      return { loss, metrics, details: own.counts };
    },
  };
}
