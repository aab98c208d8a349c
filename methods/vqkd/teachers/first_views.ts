/** Views of a run's first images, for what is fitted before it starts. @module */

import { UserError } from "../../../core/errors.ts";
import { openLoader } from "../../../pipeline/images/data_sources.ts";
import { trainTransform } from "../../../pipeline/images/transforms.ts";
import type { TeacherRun } from "./teacher_kind.ts";

/** RGB bytes [B, S, S, 3] of at most `most` images, the same for the same seed. */
export async function firstViews(
  { config, source, listener }: Pick<TeacherRun, "config" | "source" | "listener">,
  most: number,
): Promise<{ readonly pixels: Uint8Array; readonly count: number }> {
  const batch = Math.min(most, source.length);
  const transform = trainTransform(config.augment);
  const loader = await openLoader(
    config.data,
    { source, transform, batch, seed: config.seed },
    listener,
  );
  try {
    for await (const { pixels, size } of loader.batches({ to: 1 })) return { pixels, count: size };
  } finally {
    loader.close();
  }
  throw new UserError(`Cannot fit the ${config.task}: there are no images`);
}
