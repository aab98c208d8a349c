/**
 * The stages of VQ-KD training between the teacher and the optimizer: encode, quantise and decode,
 * then move the codebook.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Normalization } from "../data/normalize.ts";
import type { VqkdOutput, VqkdTokenizer } from "../models/vqkd_tokenizer.ts";
import { withoutGradient } from "../models/without_gradient.ts";
import type { LossOutput } from "./batch.ts";
import type { Stage } from "./stage.ts";
import type { TaughtBatch } from "./teach.ts";
import { imageTensor } from "./tokenize.ts";

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

/** How the codebook moves. */
export interface QuantizeOptions {
  /** Steps without a hit after which a code restarts from a token of the batch; null: never. */
  readonly restartIdleSteps: number | null;
}

/**
 * The stage `quantize`: one EMA update of the codebook a step, from all micro-batches, after they were
 * quantised with the old one. Its details are the hits of each code, [K]; of its metrics,
 * `quantizationError` is the mean distance of a token to its code, both of length 1.
 */
export function quantize(
  tokenizer: VqkdTokenizer,
  { restartIdleSteps }: QuantizeOptions,
): Stage<VqkdOutput, LossOutput> & { readonly name: "quantize" } {
  let sums: { counts: Tensor; sums: Tensor } | null = null;
  return {
    name: "quantize",
    run(output, { on, generator, microBatch, microBatches }) {
      const { loss, reconstructionLoss, quantizationLoss, z, ids, quantized } = output;
      const own = tokenizer.statistics(on, z, ids);
      sums = add(sums, own);
      if (microBatch === microBatches - 1) {
        const restart = restartIdleSteps === null
          ? undefined
          : { idleSteps: restartIdleSteps, z, generator: generator.split("restart") };
        tokenizer.updateCodebook(on, sums, restart);
        tf.dispose(sums);
        sums = null;
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

/** Statistics kept over the micro-batches of a step. */
function add(
  old: { counts: Tensor; sums: Tensor } | null,
  own: { counts: Tensor; sums: Tensor },
): { counts: Tensor; sums: Tensor } {
  const [counts, sums] = withoutGradient(() =>
    old === null
      ? [tf.clone(own.counts), tf.clone(own.sums)]
      : [tf.add(old.counts, own.counts), tf.add(old.sums, own.sums)]
  );
  if (old !== null) tf.dispose(old);
  return { counts: tf.keep(counts), sums: tf.keep(sums) };
}
