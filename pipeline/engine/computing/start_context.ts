/**
 * Where a run computes: its backend and number format, the same on all ranks.
 *
 * @module
 */

import {
  type Backend,
  communicatorOf,
  type Context,
  type Precision,
} from "../../../backends/backend.ts";
import { openMeasurements } from "../../../checkpoints/hub/measurements.ts";
import type { RunConfig } from "../../../configs/task.ts";
import { UserError } from "../../../core/errors.ts";
import { type Communicator, gatherJson } from "../../../distributed/communicator.ts";
import { single } from "../../../distributed/single.ts";
import type { RunListener } from "../events.ts";
import { choosePrecision } from "./choose_precision.ts";
import type { Computation } from "./computation.ts";
import { startBackend } from "./start_backend.ts";
import { stepSample, type TransformerSizes, usualSizes } from "./time_step.ts";
import type { RunOptions } from "../run_options.ts";

/** What is known about the run that a backend is started for. */
export interface ContextSituation {
  /** The sizes of what it trains; default: those of ViT-S/16. */
  readonly sizes?: TransformerSizes | undefined;
  /** What it computed with so far, if it is resumed; null for a new run. */
  readonly before: Computation | null;
}

/**
 * Starts a config's backend, or uses the one that is passed, and chooses the number format.
 *
 * @throws UserError for a backend or a precision that is unavailable
 */
export async function startContext(
  config: RunConfig,
  options: RunOptions,
  listener: RunListener,
  { sizes = usualSizes, before }: ContextSituation,
): Promise<Context> {
  const communicator = options.communicator ?? single;
  const { backend, notes } = options.backend === undefined
    ? await startBackend(config.backend, { autoThreads: shareOfThreads(communicator), before })
    : { backend: options.backend, notes: [] };
  for (const message of notes) listener({ type: "note", message });
  listener({
    type: "note",
    message: `Computing on ${backend.name}: ${backend.capabilities.description}`,
  });
  if (options.backend === undefined) warnOfOtherKernels(config, backend, before, listener);
  const { batchSize, microBatchSize } = config;
  const own = Math.ceil(batchSize / communicator.size);
  const images = microBatchSize === "auto" ? own : Math.min(own, microBatchSize);
  try {
    const precision = await choosePrecision(config.precision, {
      ...{ backend, before, listener },
      sample: stepSample(sizes, images),
      measurements: openMeasurements(),
    });
    return {
      backend,
      precision: await ofFirstRank(precision, backend, communicator),
      communicator,
    };
  } catch (error) {
    if (options.backend === undefined) await backend.dispose();
    throw error;
  }
}

/** Says so if a resumed run cannot keep the kernels that it was computed with. */
function warnOfOtherKernels(
  config: RunConfig,
  { name, capabilities: { kernels, description } }: Backend,
  before: Computation | null,
  listener: RunListener,
): void {
  const isKept = config.backend.provider !== "auto" || before?.provider === undefined ||
    before.backend !== name || before.provider === kernels?.provider;
  if (isKept) return;
  const message = `The run was computed with the kernels "${before.provider}", which are not ` +
    `available here: continuing with ${description}, which may round differently`;
  listener({ type: "warning", kind: "otherComputation", message });
}

/** Rank 0's format where this rank has it: each may have measured something else. */
async function ofFirstRank(
  own: Precision,
  { capabilities: { reducedPrecisions } }: Backend,
  communicator: Communicator,
): Promise<Precision> {
  const [first] = await gatherJson(communicator, own);
  const formats: readonly Precision[] = ["float32", ...reducedPrecisions];
  return formats.includes(first) ? first : own;
}

/** Threads of the cpu backend when ranks share processors; null for all of them. */
function shareOfThreads({ coreSharers }: Communicator): number | null {
  if (coreSharers === 1) return null;
  return Math.max(1, Math.floor(navigator.hardwareConcurrency / coreSharers));
}

/** Rejects ranks that would not train the same model. */
export async function requireAlike(on: Context, hash: string): Promise<void> {
  const { backend, precision } = on;
  const all = await gatherJson(communicatorOf(on), { hash, backend: backend.name, precision });
  for (const [rank, other] of all.entries()) {
    const kind = (["hash", "backend", "precision"] as const).find((key) =>
      other[key] !== all[0][key]
    );
    if (kind === undefined) continue;
    const what = kind === "hash" ? "another config" : `${kind} ${other[kind]}`;
    throw new UserError(
      `Cannot train together: rank ${rank} has ${what}, rank 0 ` +
        (kind === "hash" ? "its own" : all[0][kind]),
      {
        hint: kind === "hash"
          ? "start all ranks with the same command and the same version"
          : `set --${kind} to what every host supports`,
      },
    );
  }
}
