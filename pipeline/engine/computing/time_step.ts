/**
 * What stands for a training step when number formats are compared: one transformer block of the model,
 * forward and backward, on its own batch. It has a step's products in the model's shapes and the work
 * that no format makes faster: norms, softmax, GELU, residuals. Whatever else a step does costs the same in
 * every format.
 *
 * @module
 */

import type { Backend, Precision } from "../../../backends/backend.ts";
import { cosineLoss } from "../../../backends/ops/cosine_loss.ts";
import { valueAndGradients } from "../../../backends/value_and_gradients.ts";
import { timeInTurns } from "../../../core/time_in_turns.ts";
import { tf } from "../../../deps/tfjs.ts";
import { block, blockSpecs } from "../../../models/layers/block.ts";
import { ParameterSet } from "../../../models/parameter_set.ts";

/** The sizes of a model's images and blocks, as its config has them. */
export interface TransformerSizes {
  /** Height and width of an image in pixels. */
  readonly imageSize: number;
  /** Height and width of a patch in pixels. */
  readonly patchSize: number;
  /** Width of the tokens. */
  readonly embedDim: number;
  /** Attention heads. */
  readonly heads: number;
  /** Width of the MLP's hidden layer, relative to `embedDim`. */
  readonly mlpRatio: number;
}

/** The block that is timed, and how many images pass through it. */
export interface StepSample {
  readonly images: number;
  readonly tokens: number;
  readonly embedDim: number;
  readonly heads: number;
  readonly mlpRatio: number;
}

/** ViT-S/16: for methods that do not say what they train. */
export const usualSizes: TransformerSizes = {
  imageSize: 224,
  patchSize: 16,
  embedDim: 384,
  heads: 6,
  mlpRatio: 4,
};

/**
 * Multiplications of a sample, so that a turn takes a few hundredths of a second: few are interrupted, and
 * more images would hardly change a ratio.
 */
const mostWork = 2.4e9;

/** At most this many turns, and seconds of them. */
const mostTurns = 24;
const enoughSeconds = 0.4;

/** The sample for a model that processes `images` at a time. */
export function stepSample(sizes: TransformerSizes, images: number): StepSample {
  const { embedDim, heads, mlpRatio } = sizes;
  const tokens = Math.floor(sizes.imageSize / sizes.patchSize) ** 2 + 1;
  // The backward pass multiplies twice as much as the forward pass.
  const work = 3 * tokens * embedDim * ((4 + 2 * mlpRatio) * embedDim + 2 * tokens);
  const most = Math.max(1, Math.floor(mostWork / work));
  return { images: Math.min(images, most), tokens, embedDim, heads, mlpRatio };
}

/** Milliseconds of a sample in each of several formats. */
export type TimeStep = (
  backend: Backend,
  sample: StepSample,
  precisions: readonly Precision[],
) => number[];

/** Times a sample; half a second at most, unless a single turn takes longer. */
export const timeStep: TimeStep = (backend, sample, precisions) => {
  const { images, tokens, embedDim, heads } = sample;
  const parameters = ParameterSet.create(
    { backend, precision: "float32" },
    blockSpecs("block", sample),
    ({ shape }) => pattern(shape.reduce((all, size) => all * size, 1), embedDim),
  );
  const x = backend.run(() =>
    tf.tensor(pattern(images * tokens * embedDim, 1), [images, tokens, embedDim])
  );
  const run = (precision: Precision) => {
    const on = { backend, precision };
    const { loss, gradients } = valueAndGradients(on, parameters.trainable, () => {
      const y = block(on, parameters.scope("block"), x, { heads });
      const [rows, given] = [y, x].map((values) => tf.reshape(values, [-1, embedDim]));
      return { loss: cosineLoss(on, rows, given), outputs: {} };
    });
    tf.dispose([loss, ...gradients]);
  };
  try {
    return timeInTurns(precisions.map((precision) => () => run(precision)), {
      turns: mostTurns,
      enoughSeconds,
    }).map((seconds) => seconds * 1000);
  } finally {
    parameters.dispose();
    x.dispose();
  }
};

/** Values of both signs, as large as those of a layer with so many inputs. */
function pattern(count: number, inputs: number): Float32Array {
  const scale = 1 / Math.sqrt(inputs) / 50;
  return Float32Array.from({ length: count }, (_, place) => ((place * 37) % 101 - 50) * scale);
}
