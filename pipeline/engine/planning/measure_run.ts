/**
 * What a run costs, measured on a few of its steps: the part of `--dry-run` that cannot be computed.
 *
 * @module
 */

import type { Backend } from "../../../backends/backend.ts";
import type { RunConfig } from "../../../configs/task.ts";
import { OutOfMemoryError } from "../../../core/errors.ts";
import { largestDivisor } from "../../../core/largest_divisor.ts";
import { median } from "../../../core/median.ts";
import type { RunEvent, RunListener, StepMetrics } from "../events.ts";
import type { PlannedRun } from "./plan.ts";
import type { RunOptions } from "../run_options.ts";
import { startBackend } from "../computing/start_backend.ts";

/** A task as measured here: its events, with nothing saved. */
export type MeasuredTask<C extends RunConfig> = (
  config: C,
  options: Pick<RunOptions, "downloads" | "signal"> & {
    readonly backend: Backend;
    readonly directory: null;
    readonly listener: RunListener;
  },
) => Promise<unknown>;

/** What a few steps of a run took. */
export interface RunMeasurement {
  /** Backend and device. */
  readonly device: string;
  /** The plan's, or the largest that fits and takes less than a minute; the values below are for it. */
  readonly microBatch: number;
  /** Steps that were timed, not counting the first. */
  readonly steps: number;
  readonly secondsPerStep: number;
  readonly imagesPerSecond: number;
  /** Share of the time that steps spent waiting for images. */
  readonly waitingShare: number;
  /** The tensors' peak memory; null if the backend does not measure it. */
  readonly peakMemoryBytes: number | null;
  /** Remaining steps, and their time alone: evaluations and checkpoints come on top. */
  readonly remainingSteps: number;
  readonly secondsToFinish: number;
  /** Images per second for every micro-batch that was tried. */
  readonly speedOfMicroBatch: Readonly<Record<string, number>>;
  /** The fastest of them; a larger one wins unless a smaller one is at least a twentieth faster. */
  readonly proposedMicroBatch: number;
}

/** How to measure. */
export interface MeasureOptions extends Pick<RunOptions, "downloads" | "signal"> {
  /** Steps done by an earlier session. */
  readonly startStep?: number;
  /** Approximate seconds to time each micro-batch for. */
  readonly seconds?: number;
  /** Called with what is happening, and with anything the run itself would warn about. */
  readonly onNote?: (message: string) => void;
}

/** The smallest micro-batch that is tried. */
const firstTry = 8;
/**
 * The longest that a trial may take, in seconds, judging by the one before; larger micro-batches are skipped.
 */
const mostSeconds = 60;
/** A smaller micro-batch must be this much faster to be recommended. */
const leastGain = 1.05;

/** Ends a run that has been measured. */
class Measured extends Error {}

/** The config for a run whose steps are those of `config`, or part of them: a few micro-batches. */
function shortened<C extends RunConfig>(config: C, microBatch: number, parts: number): C {
  return {
    ...config,
    batchSize: Math.min(config.batchSize, parts * microBatch),
    microBatchSize: microBatch,
  };
}

type Try = Pick<
  RunMeasurement,
  "steps" | "secondsPerStep" | "imagesPerSecond" | "waitingShare" | "peakMemoryBytes"
>;

/**
 * Micro-batches per measured step. The update weighs more than in a real step, so estimates err on the long
 * side.
 */
function partsOf({ batch }: PlannedRun, microBatch: number): number {
  return Math.min(Math.ceil(batch / microBatch), 2);
}

/** Images in the fewest steps that a trial takes: one to warm up, one to time, and one in flight. */
function imagesOfTry(plan: PlannedRun, microBatch: number): number {
  return 3 * partsOf(plan, microBatch) * microBatch;
}

async function measureSteps<C extends RunConfig>(
  config: C,
  plan: PlannedRun,
  microBatch: number,
  task: MeasuredTask<C>,
  backend: Backend,
  { seconds = 4, downloads, signal, onNote }: MeasureOptions,
): Promise<Try | null> {
  const whole = Math.ceil(plan.batch / microBatch);
  const parts = partsOf(plan, microBatch);
  const metrics: StepMetrics[] = [];
  let spent = 0;
  const listener: RunListener = (event: RunEvent) => {
    if (event.type === "warning") onNote?.(event.message);
    if (event.type !== "step") return;
    metrics.push(event.metrics);
    spent += event.metrics.stepTime;
    // On backends that queue kernels, the second step still waits for the first, which compiles
    // them.
    const fewest = spent >= 5 * seconds ? 2 : 3;
    const isEnough = spent >= seconds && metrics.length >= fewest;
    if (isEnough || event.metrics.step === event.totalSteps) throw new Measured();
  };
  try {
    await task(shortened(config, microBatch, parts), {
      backend,
      directory: null,
      listener,
      ...(downloads === undefined ? {} : { downloads }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (!(error instanceof Measured)) throw error;
  }
  if (metrics.length === 0) return null;
  // The first step fills caches and compiles.
  const timed = metrics.length > 1 ? metrics.slice(1) : metrics;
  const sum = (key: "stepTime" | "dataTime") => timed.reduce((all, step) => all + step[key], 0);
  const secondsPerStep = median(timed.map(({ stepTime }) => stepTime)) * whole / parts;
  return {
    steps: timed.length,
    secondsPerStep,
    imagesPerSecond: plan.batch / secondsPerStep,
    waitingShare: sum("dataTime") / sum("stepTime"),
    peakMemoryBytes: backend.memory().peakBytes,
  };
}

/** Micro-batches to try, from a small one up to the plan's. */
function candidates({ microBatchSize }: RunConfig, { batch, microBatch }: PlannedRun): number[] {
  const sizes = [largestDivisor(batch, Math.min(microBatch, firstTry))];
  while (sizes.at(-1)! < microBatch) {
    sizes.push(largestDivisor(batch, Math.min(microBatch, 4 * sizes.at(-1)!)));
  }
  // If the config sets it, only that one is tried, plus the first, which is never slow.
  return microBatchSize === "auto" ? sizes : [...new Set([sizes[0], microBatch])];
}

/**
 * Runs a few steps of a task and saves nothing.
 *
 * @param config without anything that is not part of a step: see `ListedMethod.stepsOnly`
 * @param plan for the same config
 * @returns null if the signal ended it before anything was measured
 * @throws UserError for anything that would stop the run itself
 *
 * @example
 * ```ts
 * import { resolveConfig } from "../../../methods/configs.ts";
 * import { measureRun } from "./measure_run.ts";
 * import { pretrain } from "../../../methods/beit/method.ts";
 * import { planPretraining } from "../../../methods/beit/plan.ts";
 * const { config } = await resolveConfig({
 *   task: "pretrain",
 *   overrides: [
 *     "batchSize=2", "backend.name=cpu", "model.embedDim=16", "model.heads=2", "model.depth=3",
 *     "data.workers=0",
 *   ],
 * });
 * const plan = await planPretraining(config);
 * const measured = await measureRun(config, plan, pretrain, { seconds: 0.1 });
 * if (!(measured!.secondsToFinish > 0)) throw new Error("no time");
 * ```
 */
export async function measureRun<C extends RunConfig>(
  config: C,
  plan: PlannedRun,
  task: MeasuredTask<C>,
  options: MeasureOptions = {},
): Promise<RunMeasurement | null> {
  const { backend } = await startBackend(config.backend);
  try {
    const tries = new Map<number, Try>();
    for (const microBatch of candidates(config, plan)) {
      const speed = [...tries.values()].at(-1)?.imagesPerSecond ?? Infinity;
      if (imagesOfTry(plan, microBatch) / speed > mostSeconds) break;
      options.onNote?.(`Measuring steps of ${microBatch} images at a time`);
      try {
        const measured = await measureSteps(config, plan, microBatch, task, backend, options);
        if (measured === null) break;
        tries.set(microBatch, measured);
      } catch (error) {
        if (!(error instanceof OutOfMemoryError) || tries.size === 0) throw error;
        options.onNote?.(`${error.message}: that many do not fit`);
        break;
      }
    }
    if (tries.size === 0) return null;
    const [microBatch, largest] = [...tries].at(-1)!;
    const [proposedMicroBatch] = [...tries].reduce((best, other) =>
      best[1].imagesPerSecond > leastGain * other[1].imagesPerSecond ? best : other
    );
    const remainingSteps = Math.max(0, plan.totalSteps - (options.startStep ?? 0));
    return {
      device: `${backend.name}: ${backend.capabilities.description}`,
      microBatch,
      ...largest,
      remainingSteps,
      secondsToFinish: remainingSteps * largest.secondsPerStep,
      speedOfMicroBatch: Object.fromEntries(
        Array.from(tries, ([size, { imagesPerSecond }]) => [size, imagesPerSecond]),
      ),
      proposedMicroBatch,
    };
  } finally {
    await backend.dispose();
  }
}
