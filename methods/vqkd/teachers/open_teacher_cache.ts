/**
 * The cache of a teacher's features that a tokenizer config asks for.
 *
 * @module
 */

import type { Context } from "../../../backends/backend.ts";
import { contentKey, FeatureCache } from "../../../checkpoints/store/feature_cache.ts";
import type { TokenizerConfig } from "../config.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import { TeacherCache } from "./teacher_cache.ts";

/** SHA-256 of everything that determines a teacher's features for given pixels. */
export async function teacherHash(
  { precision }: Pick<Context, "precision">,
  { model }: Pick<TokenizerConfig, "model">,
  teacher: Teacher,
): Promise<string> {
  const { imageSize, patchSize } = model;
  const { name, targetDim } = teacher;
  const parts: (string | Uint8Array)[] = [
    JSON.stringify({ name, targetDim, imageSize, patchSize, precision }),
  ];
  for (const [name, { shape, values }] of [...await teacher.weights()].sort()) {
    parts.push(
      JSON.stringify([name, shape]),
      new Uint8Array(values.buffer, values.byteOffset, values.byteLength),
    );
  }
  return contentKey(...parts);
}

/**
 * Opens the cache of `teacher.cache`; null if no folder is set.
 *
 * Features computed by another backend are used as they are; float32 results differ in their last bits between
 * backends.
 *
 * @throws UserError if the folder cannot be created or read
 */
export async function openTeacherCache(
  on: Context,
  config: TokenizerConfig,
  teacher: Teacher,
): Promise<TeacherCache | null> {
  const { directory, maxBytes } = config.teacher.cache;
  if (directory === null) return null;
  const { imageSize, patchSize } = config.model;
  return new TeacherCache(FeatureCache.open({
    directory,
    model: await teacherHash(on, config, teacher),
    length: (imageSize / patchSize) ** 2 * teacher.targetDim,
    maxBytes,
  }));
}
