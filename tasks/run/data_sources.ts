/**
 * From a config's `data` section to open sources and loaders.
 *
 * @module
 */

import type { Config } from "../../configs/schema.ts";
import { Loader, type LoaderOptions } from "../../data/loader.ts";
import { openSource } from "../../data/open_source.ts";
import type { Source } from "../../data/source.ts";
import type { RunListener } from "../../pipeline/events.ts";

type DataConfig = Config["data"];

/** The bundled pictures: a part of Fashion-MNIST. */
const sampleUrl = new URL("../../assets/fashion-mnist.tar.gz", import.meta.url);

/** Opens the images to train on. */
export async function openTrainingSource(data: DataConfig): Promise<Source> {
  return await open(data.source, data.split, data.listFile);
}

/** Opens the images to evaluate on; a `UserError` where there are none. */
export async function openEvaluationSource(data: DataConfig): Promise<Source> {
  const location = data.evaluationSource ?? data.source;
  return await open(location, data.evaluationSplit, data.evaluationListFile);
}

/** Does `work` with images that somebody brought, or with those that `open` gives and that end with it. */
export async function withSource<Result>(
  given: Source | undefined,
  open: () => Source | Promise<Source>,
  work: (source: Source) => Promise<Result>,
): Promise<Result> {
  if (given !== undefined) return await work(given);
  const source = await open();
  try {
    return await work(source);
  } finally {
    source.close?.();
  }
}

async function open(
  location: string,
  split: string | null,
  listFile: string | null,
): Promise<Source> {
  return await openSource(location === "sample" ? sampleUrl : location, {
    ...(split === null ? {} : { split }),
    ...(listFile === null ? {} : { list: listFile }),
  });
}

/** Opens a loader with what the `data` section says; `options` says the rest. */
export async function openLoader(
  data: DataConfig,
  options: LoaderOptions,
  listener: RunListener,
): Promise<Loader> {
  return await Loader.open({
    isShuffled: data.shuffle,
    dropsLast: data.dropLast,
    workers: data.workers,
    prefetch: data.prefetch,
    exif: data.exif,
    maxPixels: data.maxPixels,
    cacheBytes: data.cacheBytes,
    onError: data.onError,
    maxSkipped: data.maxSkipped,
    onSkip: ({ id, message }) =>
      listener({
        type: "warning",
        kind: "unreadableImage",
        message: `Skipped an image: ${message}`,
        file: { id, reason: message },
      }),
    onNote: (message) => listener({ type: "note", message }),
    ...options,
  });
}
