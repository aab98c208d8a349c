/**
 * The features that `method: kMeans` fits its codes to.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import type { Source } from "../../../data/sources/source.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import type { RunListener } from "../../../pipeline/engine/events.ts";
import { openLoader } from "../../../pipeline/images/data_sources.ts";
import { trainTransform } from "../../../pipeline/images/transforms.ts";
import type { TokenizerConfig } from "../config.ts";
import { teacherRows } from "./k_means_tokenizer.ts";

const imagesAtOnce = 32;

/** Images, and patches of each, whose features the codes are fitted to; the images come in batches. */
export function fittedSizes(
  { model, codebook, kMeans }: TokenizerConfig,
  images: number,
): { readonly images: number; readonly batch: number; readonly patches: number } {
  const patches = (model.imageSize / model.patchSize) ** 2;
  const some = Math.min(images, Math.ceil(codebook.codes * kMeans.tokensPerCode / patches));
  return { images: some, batch: Math.min(imagesAtOnce, some), patches };
}

/** Whom it tells of each batch, and what ends it early. */
export interface GatherOptions {
  readonly listener: RunListener;
  readonly isStopped: () => boolean;
  /** Fewer batches than the config asks for; default: all. */
  readonly mostBatches?: number;
}

/** A teacher's features of as many patches as the config asks for, [n, T]; kept. null if it was stopped. */
export async function gatherFeatures(
  on: Context,
  config: TokenizerConfig,
  teacher: Teacher,
  source: Source,
  { listener, isStopped, mostBatches = Infinity }: GatherOptions,
): Promise<Tensor | null> {
  const { data, seed, augment } = config;
  const { images, batch } = fittedSizes(config, source.length);
  const transform = trainTransform(augment);
  const loader = await openLoader(data, { source, transform, batch, seed }, listener);
  const parts: Tensor[] = [];
  const total = Math.min(Math.ceil(images / batch), mostBatches);
  try {
    for await (const loaded of loader.batches({ to: total })) {
      if (isStopped()) {
        tf.dispose(parts);
        return null;
      }
      parts.push(on.backend.run(() => tf.tidy(() => teacherRows(on, teacher, loaded))));
      listener({ type: "progress", what: "Features of the teacher", done: parts.length, total });
    }
  } finally {
    loader.close();
  }
  const rows = on.backend.run(() => tf.keep(tf.concat(parts) as Tensor));
  tf.dispose(parts);
  return rows;
}
