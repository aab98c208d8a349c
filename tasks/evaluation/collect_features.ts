/**
 * Features of all images of a source, in its order.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { Config } from "../../configs/schema.ts";
import { type Communicator, gatherJson } from "../../distributed/communicator.ts";
import { single } from "../../distributed/single.ts";
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
  /** The processes among which the images are divided; left out, this one sees all. */
  readonly communicator?: Communicator;
  /** The work in words, for the line of progress; left out, nothing is told. */
  readonly what?: string;
}

/** All images of a source once, in its order, a batch at a time; of several ranks each has its part. */
export async function* batchesOf(
  source: Source,
  { data, transform, listener, batch = 100, communicator = single, what }: CollectOptions,
): AsyncGenerator<LoadedBatch, void, void> {
  const loader = await openLoader(data, {
    source,
    transform,
    batch: Math.min(batch * communicator.size, source.length),
    rank: communicator.rank,
    ranks: communicator.size,
    coreSharers: communicator.coreSharers,
    isOncePerSample: true,
    seed: 0,
    isShuffled: false,
    dropsLast: false,
  }, listener);
  try {
    let done = 0;
    for await (const loaded of loader.batches({ to: loader.stepsPerEpoch })) {
      yield loaded;
      done = Math.min(source.length, done + batch * communicator.size);
      if (what !== undefined) listener({ type: "progress", what, done, total: source.length });
    }
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
  const { communicator = single } = options;
  for await (const batch of batchesOf(source, options)) {
    const features = on.backend.run(() => tf.tidy(() => [...featurize(on, batch)]));
    for (const [index, tensor] of features.entries()) {
      collectors[index] ??= new FeatureCollector();
      const values = await tensor.data() as Float32Array;
      collectors[index].add(values, batch.labels, batch.ids, batch.position);
    }
    tf.dispose(features);
  }
  // A rank may have had no image at all.
  const sets = Math.max(...await gatherJson(communicator, collectors.length));
  for (let index = collectors.length; index < sets; index++) {
    collectors.push(new FeatureCollector());
  }
  if (communicator.size > 1) {
    for (const collector of collectors) await collector.gather(communicator);
  }
  return collectors.map((collector) => collector.finish());
}
