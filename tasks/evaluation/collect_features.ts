/**
 * Features of all images of a source, in its order.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { Config } from "../../configs/schema.ts";
import type { LoadedBatch } from "../../data/loader.ts";
import type { Source } from "../../data/source.ts";
import type { Transform } from "../../data/transform.ts";
import type { RunListener } from "../../pipeline/events.ts";
import { openLoader } from "../run/data_sources.ts";
import { FeatureCollector, type FeatureSet } from "./features.ts";

/** How images are read and prepared. */
export interface CollectOptions {
  readonly data: Config["data"];
  readonly transform: Transform;
  readonly listener: RunListener;
  /** Images at once; 100 if left out. */
  readonly batch?: number;
}

/** All images of a source once, in its order, a batch at a time. */
export async function* batchesOf(
  source: Source,
  { data, transform, listener, batch = 100 }: CollectOptions,
): AsyncGenerator<LoadedBatch, void, void> {
  const loader = await openLoader(data, {
    source,
    transform,
    batch: Math.min(batch, source.length),
    seed: 0,
    isShuffled: false,
    dropsLast: false,
  }, listener);
  try {
    yield* loader.batches({ to: loader.stepsPerEpoch });
  } finally {
    loader.close();
  }
}

/**
 * Features of all images.
 *
 * @param featurize a batch → one tensor [B, …] for each set that comes out
 */
export async function collectFeatures(
  on: Context,
  source: Source,
  featurize: (on: Context, batch: LoadedBatch) => readonly Tensor[],
  options: CollectOptions,
): Promise<FeatureSet[]> {
  const collectors: FeatureCollector[] = [];
  for await (const batch of batchesOf(source, options)) {
    const features = on.backend.run(() => tf.tidy(() => [...featurize(on, batch)]));
    for (const [index, tensor] of features.entries()) {
      collectors[index] ??= new FeatureCollector();
      collectors[index].add(await tensor.data() as Float32Array, batch.labels, batch.ids);
    }
    tf.dispose(features);
  }
  return collectors.map((collector) => collector.finish());
}
