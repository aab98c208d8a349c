/**
 * Runs the micro-batch of a failure bundle again, on any backend.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Backend, Context, Precision } from "../backends/backend.ts";
import { type BackendName, type BackendOptions, createBackend } from "../backends/mod.ts";
import type { Parameter } from "../backends/parameter.ts";
import type { Observation, TensorPlace } from "../backends/watch.ts";
import type { RunConfig } from "../configs/task.ts";
import { openMeasurements } from "../checkpoints/hub/measurements.ts";
import { UserError } from "../core/errors.ts";
import { Generator } from "../core/generator.ts";
import type { LossOutput, StepOutput } from "../pipeline/batch.ts";
import { examineMicroBatch, type HostTensor } from "../pipeline/engine/training/examine.ts";
import { watchGradients } from "../pipeline/optimize/mod.ts";
import { type AnyStage, Pipeline, type Stage } from "../pipeline/stage.ts";
import {
  type FailedTraining,
  type Method,
  methodName,
  type TrainedStages,
} from "../pipeline/engine/method.ts";
import { loadMethod, type Task, tasks } from "./mod.ts";
import {
  type FailureBundle,
  type FoundTensor,
  readFailure,
} from "../pipeline/engine/recording/failure_bundle.ts";
import { OwnStages } from "../pipeline/engine/own_stages.ts";
import type { StagesOf } from "../pipeline/engine/run_options.ts";

/** How to replay. */
export interface ReplayOptions {
  /** Where to compute; default: the backend `backendName`, started and disposed of here. */
  readonly backend?: Backend;
  /** Default: the run's backend. */
  readonly backendName?: BackendName;
  /** Whose WebGPU the `webgpu` backend runs on; default: `auto`. */
  readonly implementation?: BackendOptions["implementation"];
  /** The user's stages in the run: a bundle cannot hold code. */
  // deno-lint-ignore no-explicit-any
  readonly stages?: StagesOf<object, any>;
  /** The user's method, if the run used one. */
  // deno-lint-ignore no-explicit-any
  readonly method?: Method<any, any, any, any, any>;
}

/** What a replay found. */
export interface ReplayResult {
  /** The backend that the step was run on. */
  readonly backend: string;
  /** The format that it was run in. */
  readonly precision: Precision;
  /** The first non-finite tensor in the run. */
  readonly recorded: FoundTensor & { readonly backend: string };
  /** The first one here; null if all are finite. */
  readonly found: FoundTensor | null;
  /** Whether it is the same tensor. */
  readonly isSame: boolean;
}

/** A method's stages after the queue, with the bundle's parameters. */
interface Replayed {
  readonly stages: Stage<Record<string, unknown>, StepOutput>;
  readonly dispose: () => void;
}

/** A placeholder for the frozen stages that returns their stored output. */
function given(name: string, tensors: ReadonlyMap<string, HostTensor>): AnyStage {
  return {
    name,
    run(batch: Record<string, unknown>) {
      const output: Record<string, unknown> = { ...batch };
      for (const [key, { shape, values }] of tensors) {
        const dtype = values instanceof Int32Array ? "int32" : "float32";
        const tensor = tf.tensor(values, [...shape], dtype);
        const [list, index] = key.split(".");
        if (index === undefined) output[key] = tensor;
        else (output[list] ??= [] as Tensor[], output[list] as Tensor[])[Number(index)] = tensor;
      }
      return output;
    },
  };
}

/** The stage `optimize` without an update. */
function differentiate(parameters: readonly Parameter[]): AnyStage {
  return {
    name: "optimize",
    run: (output: LossOutput, context) => watchGradients(parameters, output, context),
  };
}

async function rebuild(
  on: Context,
  bundle: FailureBundle,
  { stages: own, method: ownMethod }: ReplayOptions,
): Promise<Replayed> {
  const { config, model: shape, parameters, frozenStage } = bundle;
  const method = ownMethod ?? await loadMethod(config.task as Task);
  const trained = reopen(on, method, bundle, { config, shape, parameters });
  const all = trained.stages.stages;
  // The stages before the frozen one are done: its output is in the bundle.
  const frozen = all.findIndex(({ name }) => name === frozenStage);
  const behind = all.slice(frozen + 1);
  const known = [...method.inputStages, ...all.map(({ name }) => name), "optimize"];
  const ownStages = OwnStages.create(on, own, trained.parts, known, parameters);
  requireStages(bundle, ownStages.names, method.inputStages);
  const learned = [...trained.parameters.trainable, ...ownStages.parameters.trainable];
  const stages = [
    ...(frozenStage === null ? [] : [given(frozenStage, bundle.given)]),
    ...behind,
    differentiate(learned),
  ].map((stage) => ownStages.instead(stage));
  return {
    stages: new Pipeline<Record<string, unknown>, StepOutput, never>(stages),
    dispose() {
      ownStages.parameters.dispose();
      trained.dispose();
    },
  };
}

/** The bundle's model, built by its method. */
function reopen<Batch, Parts extends object>(
  on: Context,
  // deno-lint-ignore no-explicit-any
  method: Method<any, Batch, Parts, any, any>,
  { config: { task }, method: wanted = task }: FailureBundle,
  failed: FailedTraining<RunConfig>,
): TrainedStages<Batch, Parts> {
  const name = methodName(method);
  if (name === wanted && method.reopen !== undefined) return method.reopen(on, failed);
  throw new UserError(
    name === wanted
      ? `Cannot replay: the method ${name} has no \`reopen\``
      : `Cannot replay: the run is of the method ${wanted}, and this is ${name}`,
    { hint: "call replayFailure(bundle, { method }) from a program that has it" },
  );
}

function requireStages(
  { ownStages }: FailureBundle,
  given: readonly string[],
  inputStages: readonly string[],
): void {
  // The stages before the queue are done: their output is the batch.
  const missing = ownStages.filter((name) => !given.includes(name) && !inputStages.includes(name));
  if (missing.length === 0) return;
  throw new UserError(
    `Cannot replay: the run had stages of your own that no bundle holds: ${missing.join(", ")}`,
    { hint: "call replayFailure(bundle, { stages }) from a program that has them" },
  );
}

function requirePrecision(backend: Backend, precision: Precision): void {
  const { reducedPrecisions } = backend.capabilities;
  if (precision === "float32" || reducedPrecisions.includes(precision)) return;
  throw new UserError(
    `Cannot replay a ${precision} step on ${backend.name}: it has no ${precision}`,
    { hint: "use --backend reference, which emulates it" },
  );
}

function isSamePlace(a: TensorPlace, b: TensorPlace | null): boolean {
  return b !== null && a.stage === b.stage && a.kind === b.kind && a.op === b.op &&
    a.name === b.name;
}

function withoutValues(found: Observation | null): FoundTensor | null {
  if (found === null) return null;
  const { values: _, ...rest } = found;
  return rest;
}

/**
 * Runs a bundle's micro-batch again, forward and backward, in the precision of the run, and reports the first
 * non-finite tensor.
 *
 * @throws UserError if the directory is not a complete bundle, the backend does not support the precision, or
 * the user's stages are missing
 */
export async function replayFailure(
  directory: string,
  options: ReplayOptions = {},
): Promise<ReplayResult> {
  const bundle = await readFailure(directory, tasks);
  const name = options.backendName ?? bundle.backend as BackendName;
  const { implementation } = options;
  const backend = options.backend ??
    (await createBackend(name, { implementation, measurements: openMeasurements() })).backend;
  const { precision, step, microBatch, microBatches, firstImage, share, lossScale } = bundle;
  try {
    requirePrecision(backend, precision);
    const on: Context = { backend, precision };
    const { stages, dispose } = await rebuild(on, bundle, options);
    try {
      const { found } = await examineMicroBatch({
        on,
        stages,
        batch: bundle.batch,
        step,
        microBatch,
        microBatches,
        firstImage,
        share,
        lossScale,
        generator: Generator.fromState(bundle.generator),
      });
      return {
        backend: backend.name,
        precision,
        recorded: { ...bundle.found, backend: bundle.backend },
        found: withoutValues(found),
        isSame: isSamePlace(bundle.found, found),
      };
    } finally {
      dispose();
    }
  } finally {
    if (options.backend === undefined) await backend.dispose();
  }
}
