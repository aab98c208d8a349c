/**
 * How many images a run processes at a time.
 *
 * @module
 */

import { communicatorOf, type Context } from "../../../backends/backend.ts";
import type { RunConfig } from "../../../configs/task.ts";
import { UserError } from "../../../core/errors.ts";
import type { RunListener } from "../events.ts";
import {
  largestMicroBatch,
  type MemoryPlan,
  type ModelFootprint,
  planMemory,
  type StepOptions,
} from "./plan.ts";
import type { RunOptions } from "../run_options.ts";
import type { LoaderShare } from "../schedule.ts";

/** The batch sizes in every config. */
type BatchConfig = Pick<
  RunConfig,
  "batchSize" | "microBatchSize" | "recompute" | "precision" | "backend"
>;

/** Memory that a step may use by default. */
const defaultMemoryBudget = 8 * 2 ** 30;

/** What {@link planStep} may know about the machine. */
export interface StepSituation {
  /** Memory that the step may use, in bytes; default: 8 GiB. */
  readonly budgetBytes?: number;
  /** Largest size of a single tensor on the backend, in bytes. */
  readonly tensorBytes?: number;
  /** Largest size of all tensors together on the backend, in bytes. */
  readonly memoryBytes?: number;
  /** Maximum number of images at a time. */
  readonly images?: number;
  /** Default: what the config's backend and precision imply, or 4 if they leave it open. */
  readonly activationBytes?: StepOptions["activationBytes"];
  /** Processes that share the batch; default: 1. */
  readonly ranks?: number;
}

/** Images per forward pass, and the memory that the step then uses. */
export interface StepPlan {
  readonly microBatch: number;
  readonly memory: MemoryPlan;
}

/** The config's micro-batch, or the largest divisor of the batch that fits. */
export function planStep(
  config: BatchConfig,
  footprint: ModelFootprint,
  situation: StepSituation = {},
): StepPlan {
  const { batchSize, microBatchSize, recompute, precision, backend } = config;
  const isHalf = backend.name === "webgpu" && precision !== "float32";
  const { activationBytes = isHalf ? 2 : 4 } = situation;
  const wantedBytes = backend.memory === null
    ? situation.budgetBytes ?? defaultMemoryBudget
    : backend.memory * 2 ** 30;
  const budgetBytes = Math.min(wantedBytes, situation.memoryBytes ?? Infinity);
  const options = { activationBytes, recompute };
  const own = Math.ceil(batchSize / (situation.ranks ?? 1));
  const bounds = { budgetBytes, tensorBytes: situation.tensorBytes, images: situation.images };
  const microBatch = microBatchSize === "auto"
    ? largestMicroBatch(footprint, own, bounds, options)
    : Math.min(microBatchSize, own);
  const accumulates = microBatch < own;
  return { microBatch, memory: planMemory(footprint, microBatch, { ...options, accumulates }) };
}

/** What determines the micro-batch of a run at its start. */
export interface MicroBatchSituation {
  readonly on: Context;
  readonly options: Pick<RunOptions, "memoryBudgetBytes" | "mostMicroBatch" | "onMicroBatch">;
  readonly listener: RunListener;
  /** What the run has used so far; rounding, mixing and batch norm depend on it. */
  readonly saved: number | undefined;
}

/**
 * {@link planStep} for a new run, or the previous micro-batch for a resumed one; the listener receives the
 * plan.
 *
 * @returns this rank's share of the loading
 * @throws UserError if there are more ranks than images in a batch
 */
export function fitMicroBatch(
  config: BatchConfig,
  footprint: ModelFootprint,
  { on, options, listener, saved }: MicroBatchSituation,
): LoaderShare {
  const { rank, size: ranks, hostSharers, coreSharers } = communicatorOf(on);
  if (ranks > config.batchSize) {
    throw new UserError(
      `Cannot divide a batch of ${config.batchSize} images over ${ranks} ranks`,
      { hint: "start fewer, or raise --batch" },
    );
  }
  const isHalf = on.precision !== "float32" && on.backend.capabilities.halvesActivations === true;
  const budget = options.memoryBudgetBytes;
  const isKept = config.microBatchSize === "auto" && saved !== undefined;
  const kept = Math.min(saved ?? Infinity, options.mostMicroBatch ?? Infinity);
  const { microBatch, memory } = planStep(
    isKept ? { ...config, microBatchSize: kept } : config,
    footprint,
    {
      budgetBytes: budget === undefined ? undefined : budget / hostSharers,
      images: options.mostMicroBatch,
      tensorBytes: on.backend.capabilities.maxBufferBytes,
      memoryBytes: on.backend.capabilities.memoryBytes,
      activationBytes: isHalf ? 2 : 4,
      ranks,
    },
  );
  options.onMicroBatch?.(microBatch);
  const { peak, ...parts } = memory;
  const megabytes = (bytes: number) => `${Math.ceil(bytes / 1e6)} MB`;
  const list = Object.entries(parts).filter(([, bytes]) => bytes > 0)
    .map(([name, bytes]) => `${name} ${megabytes(bytes)}`);
  listener({
    type: "note",
    message: `Planned memory: ${
      megabytes(peak)
    }, ${microBatch} of ${config.batchSize} images at a time`,
    detail: list.join(", "),
  });
  return { microBatch, rank, ranks, coreSharers };
}
