/**
 * How good a teacher's own features are, by which those of its students can be judged.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { TokenizerConfig } from "../../methods/vqkd/config.ts";
import { teacherRows } from "../../methods/vqkd/k_means/k_means_tokenizer.ts";
import { kindOf } from "../../methods/vqkd/teachers/mod.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
import { type FeatureAccuracy, measureRows } from "./features_part.ts";

/**
 * Accuracies of the mean over an image of what a tokenizer's teacher would give it to learn.
 *
 * @param labels fractions of the training labels
 * @throws UserError if the teacher cannot be loaded
 */
export async function measureTeacher(
  on: Context,
  config: TokenizerConfig,
  labels: readonly number[],
  listener: RunListener,
): Promise<FeatureAccuracy[]> {
  const source = await openTrainingSource(config.data);
  const { kind, settings } = kindOf(config.teacher);
  const teacher = await kind.open({
    ...{ on, config, settings, source, listener, kept: null, downloads: {} },
  });
  try {
    return await measureRows(on, config, labels, listener, (on, batch) => {
      const rows = teacherRows(on, teacher, batch);
      return [tf.mean(tf.reshape(rows, [batch.size, -1, teacher.targetDim]), 1)];
    });
  } finally {
    teacher.dispose();
    source.close?.();
  }
}
