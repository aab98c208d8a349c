/**
 * What the tasks that inspect a tokenizer have in common.
 *
 * @module
 */

import { readRunConfig } from "../../checkpoints/store/run_directory.ts";
import { UserError } from "../../core/errors.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import type { TestTransform } from "../../data/augment/transform.ts";
import { type Inference, type InferenceOptions, withInference } from "../inference.ts";
import { loadFrozenTokenizer } from "../../methods/vqkd/load_tokenizer.ts";
import type { FrozenTokenizer } from "../../methods/vqkd/k_means/k_means_tokenizer.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { preparationOf, testTransform } from "../../pipeline/images/preparation.ts";

/** Which tokenizer, and how to run it; it determines the image size. */
export interface TokenizerInferenceOptions
  extends Omit<InferenceOptions, "checkpoint" | "imageSize"> {
  /**
   * A run directory, a file in any known format, or the name of a model card; default: the bundled
   * tokenizer.
   */
  readonly checkpoint?: string | undefined;
}

/** A tokenizer that is ready to encode. */
export interface TokenizerInference extends Inference {
  readonly checkpoint: string;
  readonly tokenizer: FrozenTokenizer;
  readonly normalization: Normalization;
  /** The single view of an image that is encoded. */
  readonly transform: TestTransform;
}

/** The bundled tokenizer. */
export const defaultTokenizer = "vqkd_quickstart";

/** Whether a checkpoint is a run's directory, whose config says how images are normalised. */
function isRun(checkpoint: string): boolean {
  try {
    return readRunConfig(checkpoint) !== null;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}

/** Runs `work` with a tokenizer; published ones and exported files take images in [−1, 1]. */
export async function withTokenizer<T>(
  options: TokenizerInferenceOptions,
  work: (inference: TokenizerInference) => Promise<T>,
): Promise<T> {
  const { checkpoint = defaultTokenizer } = options;
  return await withInference({ ...options, checkpoint }, async (inference) => {
    const { on, preparation } = inference;
    const tokenizer = await loadFrozenTokenizer(on, checkpoint, options.downloads);
    try {
      return await work({
        ...inference,
        checkpoint,
        tokenizer,
        normalization: isRun(checkpoint) ? preparation.normalization : normalizations.half,
        transform: testTransform(preparation, tokenizer.config.imageSize),
      });
    } finally {
      tokenizer.dispose();
    }
  }, (checkpoint) => Promise.resolve(preparationOf(checkpoint)));
}
