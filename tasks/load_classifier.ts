/**
 * Loading a fine-tuned classifier in any known format.
 *
 * @module
 */

import type { Context } from "../backends/backend.ts";
import { UserError } from "../core/errors.ts";
import { Classifier } from "../models/classifier.ts";
import { initialiseFrom } from "../models/parameter_set.ts";
import {
  configOfShape,
  type ReadOptions,
  readPretrained,
} from "../pipeline/weights/load_encoder.ts";
import { classNamesOfRun } from "../pipeline/images/preparation.ts";

/** A classifier and the names of its classes. */
export interface LoadedClassifier {
  readonly model: Classifier;
  /** By class number; null if the checkpoint has none. */
  readonly classNames: readonly string[] | null;
}

/**
 * Loads a classifier onto a backend; dispose of its model afterwards.
 *
 * @param options `imageSize` interpolates the positions to another size
 * @throws UserError if the checkpoint cannot be read, or has no classifier
 */
export async function loadClassifier(
  on: Context,
  checkpoint: string,
  options: Omit<ReadOptions, "usesRelativePositionBias"> = {},
): Promise<LoadedClassifier> {
  const { kind, shape, values, classNames } = await readPretrained(checkpoint, {
    ...options,
    usesRelativePositionBias: true,
  });
  if (kind !== "finetune") {
    throw new UserError(`Cannot classify with "${checkpoint}": it has no classifier`, {
      hint: `fine-tune it first: deno task finetune --checkpoint ${checkpoint}`,
    });
  }
  const model = Classifier.create(on, configOfShape(shape), initialiseFrom(values, null));
  return { model, classNames: classNames ?? classNamesOfRun(checkpoint) };
}
