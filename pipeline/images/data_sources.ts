/**
 * From a config's `data` section to open sources and loaders.
 *
 * @module
 */

import type { RunConfig } from "../../configs/task.ts";
import { UserError } from "../../core/errors.ts";
import { Loader, type LoaderOptions } from "../../data/loader/loader.ts";
import type { BatchMakerOptions } from "../../data/loader/loader_options.ts";
import { openSource } from "../../data/sources/open_source.ts";
import type { Source } from "../../data/sources/source.ts";
import type { RunListener } from "../engine/events.ts";

type DataConfig = RunConfig["data"];

/** The bundled images: a subset of Fashion-MNIST. */
const sampleUrl = new URL("../../assets/fashion-mnist.tar.gz", import.meta.url);

/** Called with what users should know about the images: skipped files, held-out images. */
type Notes = (event: { readonly type: "note"; readonly message: string }) => void;

/** Opens the training images. */
export async function openTrainingSource(data: DataConfig, listener?: Notes): Promise<Source> {
  return tellOf(await open(data, data.source, data.split, data.listFile), listener);
}

/** Opens the evaluation images; a `UserError` if there are none. */
export async function openEvaluationSource(data: DataConfig, listener?: Notes): Promise<Source> {
  const location = data.evaluationSource ?? data.source;
  const source = await open(data, location, data.evaluationSplit, data.evaluationListFile);
  return tellOf(source, listener);
}

/** Reports what users should know about a source. */
export function tellOf(source: Source, listener: Notes = () => {}): Source {
  for (const message of source.notes ?? []) listener({ type: "note", message });
  return source;
}

/** Where named data is: "sample" stands for the bundled images. */
export function dataLocation(name: string): string | URL {
  return name === "sample" ? sampleUrl : name;
}

async function open(
  { holdOut, exclude, evaluationSource }: DataConfig,
  location: string,
  split: string | null,
  listFile: string | null,
): Promise<Source> {
  return await openSource(dataLocation(location), {
    ...(split === null ? {} : { split }),
    ...(listFile === null ? {} : { list: listFile }),
    ...(exclude === null ? {} : { exclude }),
    // The evaluation images are elsewhere in that case.
    ...(holdOut === null || evaluationSource !== null ? {} : { holdOut }),
  });
}

/** Opens a loader according to the `data` section; `options` holds the rest. */
export async function openLoader(
  data: DataConfig,
  options: LoaderOptions,
  listener: RunListener,
): Promise<Loader> {
  const { source: { length }, batch, dropsLast = data.dropLast } = options;
  if (dropsLast && length < batch) {
    throw new UserError(
      `Cannot fill a batch of ${batch} images from "${data.source}": it has ${length} training images`,
      { hint: `give --batch ${Math.max(1, length)} or less, or --set data.dropLast=false` },
    );
  }
  const { shuffle: isShuffled, dropLast, prefetch } = data;
  const order = { isShuffled, dropsLast: dropLast, prefetch };
  return await Loader.open({ ...order, ...makerOptions(data, listener), ...options });
}

/** What the `data` section says of how files become batches, wherever that happens. */
export function makerOptions(
  data: DataConfig,
  listener: RunListener,
): Omit<BatchMakerOptions, "transform" | "seed"> {
  return {
    workers: data.workers,
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
  };
}
