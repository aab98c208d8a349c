/**
 * The teacher that a tokenizer config names.
 *
 * @module
 */

import type { Context } from "../../../backends/backend.ts";
import { type DownloadOptions, resolveWeights } from "../../../checkpoints/hub/download.ts";
import { type ModelCheckpoint, openModel } from "../../../checkpoints/open_model.ts";
import type { TokenizerConfig } from "../config.ts";
import { UserError } from "../../../core/errors.ts";
import type { Source } from "../../../data/sources/source.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import { fitHog, HogTeacher } from "../../../models/teachers/hog.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import type { RunListener } from "../../../pipeline/engine/events.ts";
import { openLoader } from "../../../pipeline/images/data_sources.ts";
import { trainTransform } from "../../../pipeline/images/transforms.ts";
import { createEncoderTeacher } from "./encoder_teacher.ts";

/**
 * Loads or fits a teacher.
 *
 * @param kept what a checkpoint of the run holds of it; null for a new run
 * @throws UserError if its file is missing or holds something else
 */
export async function createTeacher(
  on: Context,
  config: TokenizerConfig,
  source: Source,
  kept: ReadonlyMap<string, NamedValues> | null,
  listener: RunListener,
  downloads: DownloadOptions = {},
): Promise<Teacher> {
  const { name, checkpoint } = config.teacher;
  if (name === "hog") {
    const state = keptHog(kept) ?? await fit(config, source, listener);
    return new HogTeacher(on, state, config.model);
  }
  if (checkpoint === null) {
    throw new UserError(`Cannot load the ${name} teacher: teacher.checkpoint is not set`, {
      hint:
        "give its weights with --set teacher.checkpoint=FILE, or use --teacher hog, which has none",
    });
  }
  const path = await resolveWeights(checkpoint, downloads);
  const model = await openModel(path, { part: "teacher" });
  try {
    requireSameGrid(config, model, checkpoint);
    return await createEncoderTeacher(on, name, model, checkpoint);
  } finally {
    model.close();
  }
}

/** A tokenizer learns one vector for each of its own patches. */
function requireSameGrid(config: TokenizerConfig, { shape }: ModelCheckpoint, where: string): void {
  const { patchSize } = config.model;
  if (shape.patchSize === patchSize) return;
  throw new UserError(
    `Cannot teach with "${where}": its patches have ${shape.patchSize} px, the tokenizer's ${patchSize}`,
    { hint: `give --patch-size ${shape.patchSize}` },
  );
}

/** The hog teacher's part of a checkpoint's extra tensors, if there is one. */
function keptHog(kept: ReadonlyMap<string, NamedValues> | null): Map<string, NamedValues> | null {
  const state = new Map([...kept ?? []].filter(([name]) => name.startsWith("teacher.hog.")));
  return state.size === 0 ? null : state;
}

/** Fits the hog teacher to views of the run's first images. */
async function fit(config: TokenizerConfig, source: Source, listener: RunListener) {
  const images = Math.min(config.teacher.hog.fitImages, source.length);
  const transform = trainTransform(config.augment);
  const options = { source, transform, batch: images, seed: config.seed };
  const loader = await openLoader(config.data, options, listener);
  try {
    for await (const { pixels } of loader.batches({ to: 1 })) {
      return fitHog(pixels, { ...config.teacher.hog, ...config.model });
    }
  } finally {
    loader.close();
  }
  throw new UserError("Cannot fit the hog teacher: there are no images");
}
