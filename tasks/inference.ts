/**
 * What the inference tasks have in common: a backend, the checkpoint's preprocessing, batches.
 *
 * @module
 */

import type { Backend, Context } from "../backends/backend.ts";
import { type BackendOptions, createBackend } from "../backends/mod.ts";
import type { DownloadOptions } from "../checkpoints/hub/download.ts";
import { openMeasurements } from "../checkpoints/hub/measurements.ts";
import type { DataConfig } from "../configs/sections/data.ts";
import type { Communicator } from "../distributed/communicator.ts";
import { single } from "../distributed/single.ts";
import type { RunListener } from "../pipeline/engine/events.ts";
import { checkpointPreparation } from "../pipeline/images/checkpoint_preparation.ts";
import { type Preparation, withData } from "../pipeline/images/preparation.ts";

/** How to run a model. */
export interface InferenceOptions {
  /** A run directory, a file in any known format, the name of a model card, or a URL. */
  readonly checkpoint: string;
  /** Side of an image in pixels; default: the model's. Positions are interpolated. */
  readonly imageSize?: number | undefined;
  /** Shorter edge that an image is resized to before the centre crop. */
  readonly resize?: number | undefined;
  /** Images per forward pass; default: 64. */
  readonly batch?: number | undefined;
  /** Keys of the `data` section that override those of the checkpoint's run. */
  readonly data?: Partial<DataConfig> | undefined;
  /** Where to compute; default: a backend started by name and disposed of afterwards. */
  readonly backend?: Backend | undefined;
  /** The backend's name if none is given; default: `auto`. */
  readonly backendName?: string | undefined;
  /** Whose WebGPU the `webgpu` backend runs on; default: `auto`. */
  readonly implementation?: BackendOptions["implementation"] | undefined;
  /** Threads of the `cpu` backend; default: as many as processors. */
  readonly threads?: number | undefined;
  /** Receives notes, warnings and progress. */
  readonly listener?: RunListener | undefined;
  /** How weights named by a model card are fetched. */
  readonly downloads?: DownloadOptions | undefined;
  /** The processes that share the work, if the task divides it. */
  readonly communicator?: Communicator | undefined;
}

/** {@link InferenceOptions} with everything resolved. */
export interface Inference {
  readonly on: Context;
  readonly preparation: Preparation;
  readonly batch: number;
  readonly listener: RunListener;
}

const defaultBatch = 64;

/**
 * Runs `work` with a backend and the checkpoint's preprocessing, which `prepare` finds; always in float32.
 */
export async function withInference<T>(
  options: InferenceOptions,
  work: (inference: Inference) => Promise<T>,
  prepare: typeof checkpointPreparation = checkpointPreparation,
): Promise<T> {
  const { checkpoint, batch = defaultBatch, listener = () => {} } = options;
  const found = await prepare(checkpoint, options.downloads);
  const preparation: Preparation = {
    ...found,
    resize: options.resize ?? found.resize,
    data: withData(found.data, options.data ?? {}),
  };
  const { communicator = single } = options;
  const use = (backend: Backend) =>
    work({ on: { backend, precision: "float32", communicator }, preparation, batch, listener });
  if (options.backend !== undefined) return await use(options.backend);
  const { backend, notes } = await createBackend(
    (options.backendName ?? "auto") as Parameters<typeof createBackend>[0],
    {
      threads: options.threads,
      implementation: options.implementation,
      measurements: openMeasurements(),
    },
  );
  for (const message of notes) listener({ type: "note", message });
  try {
    return await use(backend);
  } finally {
    await backend.dispose();
  }
}
