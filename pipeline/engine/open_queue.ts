/**
 * The first half of the pipeline: in workers, or on this thread if one of its stages is the user's.
 *
 * @module
 */

import type { RunConfig } from "../../configs/task.ts";
import { BatchMaker } from "../../data/loader/batch_maker.ts";
import type { LoadedBatch, LoaderOptions } from "../../data/loader/loader.ts";
import type { MicroBatch } from "../../data/loader/sampler.ts";
import type { Source } from "../../data/sources/source.ts";
import { augment } from "../augment.ts";
import type { StepPlace } from "../batch.ts";
import type { RunListener } from "./events.ts";
import { load } from "../load.ts";
import { mask } from "../mask.ts";
import { type BatchQueue, loaderQueue, stageQueue } from "./queue.ts";
import { type AnyStage, type HostContext, Pipeline } from "../stage.ts";
import { makerOptions, openLoader } from "../images/data_sources.ts";
import type { OwnStages } from "./own_stages.ts";
import type { LoaderShare } from "./schedule.ts";

/** What a run's queue is opened with. */
export interface QueueOptions {
  readonly config: RunConfig;
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
export async function openQueue(options: QueueOptions): Promise<BatchQueue<LoadedBatch>> {
  const { names, own } = options;
  if (own.names.some((name) => names.includes(name))) return await openStages(options);
  return loaderQueue(await openRunLoader(options));
}

/** The stages one by one, the user's on this thread; decoding stays in the workers. */
async function openStages(options: QueueOptions): Promise<BatchQueue<LoadedBatch>> {
  const { config: { data, seed, batchSize }, source, input, own, share, listener } = options;
  const { mask: masks, ...views } = input;
  const isOwn = (name: string) => own.names.includes(name);
  // A user's `load` stage numbers its files as it likes.
  const known = isOwn("load") ? {} : { count: source.length };
  const maker = await BatchMaker.open(
    {
      ...makerOptions(data, listener),
      ...views,
      seed,
      coreSharers: share.coreSharers,
      ...(isOwn("augment") ? { workers: 0 } : {}),
    },
    known,
  );
  const all: AnyStage[] = [
    load({
      ...{ source, batch: batchSize, ...share, seed },
      ...{ isShuffled: data.shuffle, dropsLast: data.dropLast },
      keepsUnreadable: !isOwn("augment"),
    }),
    augment(maker),
    ...(masks === undefined ? [] : [mask(masks, seed)]),
  ];
  // A method only uses what its stages before the queue return, whoever they are from.
  const stages = new Pipeline<StepPlace, LoadedBatch, never, HostContext>(
    all.map((stage) => own.instead(stage)),
  );
  const { microBatches } = options;
  const queue = stageQueue(stages, { seed, microBatches, prefetch: data.prefetch });
  return {
    ...queue,
    async close() {
      await queue.close();
      maker.close();
    },
  };
}
