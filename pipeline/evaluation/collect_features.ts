/**
 * Features of all images in a source, in order.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { RunConfig } from "../../configs/task.ts";
import { type Communicator, gatherJson } from "../../distributed/communicator.ts";
import { single } from "../../distributed/single.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import type { Transform } from "../../data/augment/transform.ts";
import type { RunListener } from "../engine/events.ts";
import { openLoader } from "../images/data_sources.ts";
import { FeatureCollector, type FeatureSet } from "./features.ts";

/** How images are read and preprocessed. */
export interface CollectOptions {
  readonly data: RunConfig["data"];
  readonly transform: Transform;
  readonly listener: RunListener;
  /** Images at a time; default: 100. */
  readonly batch?: number;
  /** The processes among which the images are divided; if omitted, this one sees all of them. */
  readonly communicator?: Communicator;
  /** The work in words, for the progress line; if omitted, nothing is reported. */
  readonly what?: string;
}

/**
 * A batch without what the loader substituted for unreadable images, which has its own position in the order;
 * null if nothing is left.
 */
function withoutReplacements(batch: LoadedBatch): LoadedBatch | null {
  const { size, position } = batch;
  const kept = Array.from(batch.indices.keys())
    .filter((slot) => batch.indices[slot] === position + slot);
  if (kept.length === size) return batch;
  if (kept.length === 0) return null;
  const take = <Values extends Uint8Array | Int32Array | Uint32Array>(values: Values): Values => {
    const each = values.length / size;
    const taken = values.slice(0, kept.length * each) as Values;
    for (const [place, slot] of kept.entries()) {
      taken.set(values.subarray(slot * each, (slot + 1) * each), place * each);
    }
    return taken;
  };
  const pixels = take(batch.pixels);
  return {
    ...batch,
    size: kept.length,
    pixels,
    tokenizerPixels: batch.tokenizerPixels === batch.pixels ? pixels : take(batch.tokenizerPixels),
    mask: take(batch.mask),
    labelMaps: take(batch.labelMaps),
    labels: take(batch.labels),
    ids: kept.map((slot) => batch.ids[slot]),
    indices: take(batch.indices),
  };
}

/**
 * All readable images of a source once, in order, a batch at a time; with several ranks, each gets its share.
 */
export async function* batchesOf(
  source: Source,
  { data, transform, listener, batch: most = 100, communicator = single, what }: CollectOptions,
): AsyncGenerator<LoadedBatch, void, void> {
  const loader = await openLoader(data, {
    source,
    transform,
    batch: Math.min(most * communicator.size, source.length),
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
      const batch = withoutReplacements(loaded);
      if (batch !== null) yield batch;
      done = Math.min(source.length, done + most * communicator.size);
      if (what !== undefined) listener({ type: "progress", what, done, total: source.length });
    }
  } finally {
    loader.close();
  }
}

/**
 * Features of all images.
 *
 * @param featurize a batch → one tensor [B, …] for each resulting set
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
    // Together: a device is waited for once.
    const read = await Promise.all(features.map((tensor) => tensor.data()));
    for (const [index, values] of read.entries()) {
      collectors[index] ??= new FeatureCollector();
      collectors[index].add(values as Float32Array, batch.labels, batch.ids, batch.position);
    }
    tf.dispose(features);
  }
  // A rank may have had no images at all.
  const sets = Math.max(...await gatherJson(communicator, collectors.length));
  for (let index = collectors.length; index < sets; index++) {
    collectors.push(new FeatureCollector());
  }
  if (communicator.size > 1) {
    for (const collector of collectors) await collector.gather(communicator);
  }
  return collectors.map((collector) => collector.finish());
}
