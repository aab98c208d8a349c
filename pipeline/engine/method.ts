/**
 * What a training method is: everything about it that is its own. The engine (`engine/run_method.ts`)
 * does the rest of a run's life, the same for every method.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { NamedTensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import type { Config } from "../../configs/schema.ts";
import type { Loader, LoaderOptions } from "../../data/loader/loader.ts";
import type { MicroBatch } from "../../data/loader/sampler.ts";
import type { Source } from "../../data/sources/source.ts";
import type { LazyValues, NamedValues, ParameterSet } from "../../models/parameter_set.ts";
import type { WeightAverage } from "./training/average.ts";
import type { LossOutput } from "../batch.ts";
import type { RunListener, StepMetrics } from "./events.ts";
import type { Updater } from "../optimize/optimizer.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import type { ModelFootprint, PlannedRun } from "./planning/plan.ts";
import type { BatchQueue } from "./queue.ts";
import type { AnyStage, Stage } from "../stage.ts";
import type { DiskPlan } from "./planning/plan_disk.ts";
import type { RunOptions } from "./run_options.ts";
import type { DrawPictures } from "./recording/fixed_images.ts";
import type { RunLength } from "./schedule.ts";

/** Values by name. */
export type ValueMap = ReadonlyMap<string, NamedValues>;

/** Values by name, in memory or on a device. */
export type AnyValues = ReadonlyMap<string, NamedValues | LazyValues>;

/** The images of a run, and whatever else of them a method opens before there is a backend. */
export interface RunImages {
  /** Those that are trained on. */
  readonly source: Source;
  close(): void;
}

/** What a method is opened with. */
export interface Run<C extends Config, Images extends RunImages = RunImages> {
  readonly config: C;
  readonly on: Context;
  readonly images: Images;
  readonly listener: RunListener;
  readonly downloads: DownloadOptions;
  /** What the checkpoint to go on from holds beside parameters; null for a new run. */
  readonly saved: { readonly shape: object; readonly extra: ValueMap } | null;
  /** Refuses, before the model is made, what does not fit into the memory that there is. */
  requireRoom(footprint: ModelFootprint): void;
  /** Replaces a model file in the run's directory; does nothing where none is kept. */
  writeModel(
    name: string,
    tensors: NamedTensors,
    metadata: Record<string, string>,
  ): Promise<void>;
}

/** How long a run is, and how fast it learns. */
export interface TrainingSchedule {
  readonly length: RunLength;
  readonly learningRate: LearningRateSchedule;
}

/** State that is neither a parameter nor the optimizer's, kept in every checkpoint. */
export interface KeptState {
  /** Values, or how to read them back one by one. */
  export(): AnyValues | Promise<AnyValues>;
  /** Goes on from what was exported; left out where opening has done so. */
  load?(values: ValueMap): void;
}

/** Where an evaluation stands. */
export interface EvaluationMoment {
  readonly step: number;
  readonly averages: WeightAverage | null;
}

/** Measures what is trained; tells of it by `evaluation` and `progress` events. */
export interface Evaluation {
  /** Whether the config wants one after a step that is not the last. */
  isDue(step: number): boolean;
  /** One that is due; gives its figures by name. */
  evaluate(moment: EvaluationMoment): Promise<Readonly<Record<string, number>>>;
  /** Images that pass through a model in `finish`: what the time left of a run is told with. */
  readonly finalImages?: number;
  /** What is measured at the end of a run, where `evaluate` has not done so after the same step. */
  finish(moment: EvaluationMoment & { readonly isWhole: boolean }): Promise<void>;
}

/** What is done once before the first step of a new run. */
export interface Beginning {
  /** Opens this rank's part of the images; close it. */
  openLoader(): Promise<Loader>;
  /** This rank's micro-batches of a step. */
  microBatches(step: number): readonly MicroBatch[];
}

/** How a run ended. */
export interface RunOutcome {
  /** Steps done. */
  readonly step: number;
  /** Steps of the whole schedule: more than `step` where `maxSteps` or a stop cut the run short. */
  readonly scheduleSteps: number;
  /** Whether the signal ended it before its last step. */
  readonly interrupted: boolean;
  /** The run's directory, or null. */
  readonly directory: string | null;
  /** Loss of the last step; null where none was ever run. */
  readonly loss: number | null;
}

/** Of a training, what replaying a step needs: the stages on the device and what they train. */
export interface TrainedStages<Batch, Parts extends object> {
  /** The model's shape, so that a checkpoint can be loaded without its config. */
  readonly shape: object;
  /** The method's own parameters and buffers; those of the user's stages come on top. */
  readonly parameters: ParameterSet;
  /** What stages of the user's may be made of: see {@link StagesOf}. */
  readonly parts: Parts;
  /** From the queue to the loss, by name and in order. */
  readonly stages: DeviceStages<Batch>;
  dispose(): void;
}

/** A training that is ready to begin. */
export interface Training<Batch, Parts extends object, Result extends object>
  extends TrainedStages<Batch, Parts> {
  readonly footprint: ModelFootprint;
  readonly schedule: TrainingSchedule;
  /** What the workers do with each image. */
  readonly input: Pick<LoaderOptions, "transform" | "mask" | "cropsPerImage">;
  /** Something between the queue and the stages. */
  readonly ahead?: (queue: BatchQueue<Batch>) => BatchQueue<Batch>;
  /** The last stage in front whose models are frozen: what it gives is a part of a failure. */
  readonly frozenStage: string | null;
  /** @param parameters all that is trained, in order */
  createOptimizer(parameters: readonly Parameter[]): Updater;
  /** Running statistics, which every rank moves by its own images. */
  readonly statistics?: readonly Parameter[];
  /** What else stages move before the update; of a skipped step all of it is put back. */
  readonly moving?: readonly Parameter[];
  /** Whether a step that is not finite is skipped; default: where the loss is scaled. */
  readonly skipsNonFinite?: boolean;
  /** State of the method's own; their names differ. */
  readonly kept?: readonly KeptState[];
  readonly evaluation?: Evaluation;
  readonly pictures?: DrawPictures;
  /** Values beside the parameters whose spread is recorded at checkpoints. */
  readonly histograms?: () => ValueMap;
  /** Turns the stages' `details` into more metrics. */
  readonly summarize?: (details: Float32Array) => Record<string, number>;
  /** Told of every step after the listeners. */
  readonly onStep?: (metrics: StepMetrics) => void;
  begin?(beginning: Beginning): Promise<void>;
  /** Called when a run ends, before its result: files beside the checkpoints. */
  finish?(end: { readonly interrupted: boolean }): Promise<void>;
  /**
   * What the run gives beside its {@link RunOutcome}.
   *
   * @param metrics of the last step
   */
  result(outcome: RunOutcome, metrics: Readonly<Record<string, number>>): Result;
}

/** A method's stages from the queue to the loss. */
export interface DeviceStages<Batch> extends Stage<Batch, LossOutput> {
  readonly stages: readonly AnyStage[];
}

/** A failed step's model, as its bundle holds it. */
export interface FailedTraining<C extends Config> {
  readonly config: C;
  readonly shape: object;
  readonly parameters: ValueMap;
}

/** What a plan may know of the machine. */
export type PlanOptions = Pick<RunOptions, "memoryBudgetBytes" | "downloads">;

/** The plan of a run: these figures and a method's own. */
export interface RunPlan extends PlannedRun {
  readonly disk: DiskPlan;
}

/** A training method. */
export interface Method<
  C extends Config,
  Batch,
  Parts extends object,
  Result extends object,
  Images extends RunImages = RunImages,
> {
  /** Whose config it takes: the value of `task`. */
  readonly task: C["task"];
  /** Where it is not mimic's own method of that task: a run of one is not resumed by another. */
  readonly name?: string;
  /** Stages before the queue that a user's may take the place of. */
  readonly inputStages: readonly string[];
  /** Throws a `UserError` for what is wrong with a config before anything is opened. */
  validate?(config: C): void;
  /**
   * Left out where the images are those of `config.data` and nothing beside them.
   *
   * @param given images of the caller's in place of those that the config names
   */
  openImages?(config: C, given: Source | undefined): Promise<Images>;
  open(run: Run<C, Images>): Promise<Training<Batch, Parts, Result>>;
  /**
   * The trained stages of a failed step, for `replayFailure`; those before the frozen one are not run.
   */
  reopen?(on: Context, failed: FailedTraining<C>): TrainedStages<Batch, Parts>;
}

/** A method that the command line runs, plans and replays: one of `methods/mod.ts`. */
export interface ListedMethod<
  C extends Config,
  Batch,
  Parts extends object,
  Result extends object,
  Images extends RunImages = RunImages,
> extends Method<C, Batch, Parts, Result, Images> {
  /**
   * What a run would cost, as far as it can be computed: `--dry-run`.
   *
   * @throws UserError for what would stop the run itself
   */
  plan(config: C, options?: PlanOptions): Promise<RunPlan>;
  reopen(on: Context, failed: FailedTraining<C>): TrainedStages<Batch, Parts>;
}

/** What a method is called: in checkpoints, failure bundles and messages. */
export function methodName({ task, name }: { readonly task: string; readonly name?: string }) {
  return name ?? task;
}
