/**
 * The first half of the pipeline: in workers, or on this thread if one of its stages is the user's.
 *
 * @module
 */

import type { Config } from "../../configs/schema.ts";
import { createImageDecoder } from "../../data/images/decode.ts";
import type { LoaderOptions } from "../../data/loader/loader.ts";
import type { MicroBatch } from "../../data/loader/sampler.ts";
import type { Source } from "../../data/sources/source.ts";
import type { Transform } from "../../data/augment/transform.ts";
import { augment } from "../augment.ts";
import type { StepPlace } from "../batch.ts";
import type { RunListener } from "./events.ts";
import { load } from "../load.ts";
import { mask } from "../mask.ts";
import { type BatchQueue, loaderQueue, stageQueue } from "./queue.ts";
import { type AnyStage, type HostContext, Pipeline } from "../stage.ts";
import { openLoader } from "../images/data_sources.ts";
import type { OwnStages } from "./own_stages.ts";
import type { LoaderShare } from "./schedule.ts";

/** What a run's queue is opened with. */
export interface QueueOptions {
  readonly config: Config;
  readonly source: Source;
  readonly input: Pick<LoaderOptions, "transform" | "mask" | "cropsPerImage">;
  /** Names of the stages before the queue. */
  readonly names: readonly string[];
  readonly own: OwnStages;
  readonly share: LoaderShare;
  readonly listener: RunListener;
  /** This rank's micro-batches of a step. */
  readonly microBatches: (step: number) => readonly MicroBatch[];
}

/** The loader for a run's images. */
export function openRunLoader({ config, source, input, share, listener }: QueueOptions) {
  const { data, seed, batchSize } = config;
  const options = { source, ...input, batch: batchSize, ...share, seed };
  return openLoader(data, options, listener);
}

/** Opens the queue. */
export async function openQueue<Batch>(options: QueueOptions): Promise<BatchQueue<Batch>> {
  const { config: { data, seed, batchSize }, source, input, names, own, share } = options;
  if (!own.names.some((name) => names.includes(name))) {
    // A method's stages accept what its own transform and mask make the loader return.
    return loaderQueue(await openRunLoader(options)) as unknown as BatchQueue<Batch>;
  }
  const decoder = await createImageDecoder();
  const order = { isShuffled: data.shuffle, dropsLast: data.dropLast };
  const { cropsPerImage = null } = input;
  const transform = input.transform as Transform;
  const all: AnyStage[] = [
    load({ source, batch: batchSize, ...share, seed, ...order, cropsPerImage }),
    augment({ decoder, transform, seed, exif: data.exif, maxPixels: data.maxPixels }),
    ...(input.mask === undefined ? [] : [mask(input.mask, seed)]),
  ];
  const stages = new Pipeline<StepPlace, Batch, never, HostContext>(
    all.map((stage) => own.instead(stage)),
  );
  return stageQueue(stages, {
    seed,
    microBatches: options.microBatches,
    prefetch: data.prefetch,
  });
}
