/**
 * A training method: everything that is specific to it. The engine (`engine/run_method.ts`) handles the rest of
 * a run's life, the same for every method.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { Parameter } from "../../backends/parameter.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import type { NamedTensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import type { RunConfig, TaskDefinition } from "../../configs/task.ts";
import type { Loader, LoaderOptions } from "../../data/loader/loader.ts";
import type { MicroBatch } from "../../data/loader/sampler.ts";
import type { Source } from "../../data/sources/source.ts";
import type { LazyValues, NamedValues, ParameterSet } from "../../models/parameter_set.ts";
import type { WeightAverage } from "./training/average.ts";
import type { LossOutput } from "../batch.ts";
import type { TransformerSizes } from "./computing/time_step.ts";
import type { RunListener, StepMetrics } from "./events.ts";
import type { Updater } from "../optimize/optimizer.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";
import type { ModelFootprint, PlannedRun } from "./planning/plan.ts";
import type { BatchQueue } from "./queue.ts";
import type { AnyStage, Stage } from "../stage.ts";
import type { DiskPlan } from "./planning/plan_disk.ts";
import type { MethodOptions, RunOptions } from "./run_options.ts";
import type { DrawPictures } from "./recording/fixed_images.ts";
import type { RunLength } from "./schedule.ts";

/** Values by name. */
export type ValueMap = ReadonlyMap<string, NamedValues>;

/** Values by name, in memory or on a device. */
export type AnyValues = ReadonlyMap<string, NamedValues | LazyValues>;

/** The images of a run, and anything else about them that a method opens before there is a backend. */
export interface RunImages {
  /** The images to train on. */
  readonly source: Source;
  /** Closes the images' files. */
  close(): void;
}

/** What a method is opened with. */
export interface Run<C extends RunConfig, Images extends RunImages = RunImages> {
  /** The resolved config. */
  readonly config: C;
  /** Where to compute, and in which precision. */
  readonly on: Context;
  /** What {@link Method.openImages} returned. */
  readonly images: Images;
  /** Receives the run's events. */
  readonly listener: RunListener;
  /** How missing weights are fetched. */
  readonly downloads: DownloadOptions;
  /** What the checkpoint to resume from holds besides parameters; null for a new run. */
  readonly saved: { readonly shape: object; readonly extra: ValueMap } | null;
  /** Where the run is saved; null if it is not, and on ranks other than 0. */
  readonly directory: string | null;
  /** Rejects, before the model is created, what does not fit into memory. */
  requireRoom(footprint: ModelFootprint): void;
  /** Replaces a model file in the run's directory; does nothing if the run is not saved. */
  writeModel(
    name: string,
    tensors: NamedTensors,
    metadata: Record<string, string>,
  ): Promise<void>;
}

/** How long a run is, and its learning rates. */
export interface TrainingSchedule {
  /** Steps and epochs. */
  readonly length: RunLength;
  /** The rate of each step. */
  readonly learningRate: LearningRateSchedule;
}

/** State that is neither parameters nor optimizer state, stored in every checkpoint. */
export interface KeptState {
  /** Values, or functions that read them back one by one. */
  export(): AnyValues | Promise<AnyValues>;
  /** Continues from what was exported; omitted if opening has already done so. */
  load?(values: ValueMap): void;
}

/** The point at which an evaluation happens. */
export interface EvaluationMoment {
  /** Steps done. */
  readonly step: number;
  /** The weights' moving average; null if the config has none. */
  readonly averages: WeightAverage | null;
}

/** Evaluates what is trained; reports through `evaluation` and `progress` events. */
export interface Evaluation {
  /** Whether the config wants an evaluation after a step that is not the last. */
  isDue(step: number): boolean;
  /** Runs one that is due; returns its metrics by name. */
  evaluate(moment: EvaluationMoment): Promise<Readonly<Record<string, number>>>;
  /** Images that pass through a model in `finish`, to estimate the run's remaining time. */
  readonly finalImages?: number;
  /** Evaluates at the end of a run, unless `evaluate` has already done so after the same step. */
  finish(moment: EvaluationMoment & { readonly isWhole: boolean }): Promise<void>;
}

/** What is done once before the first step of a new run. */
export interface Beginning {
  /** Opens this rank's share of the images; close it. */
  openLoader(): Promise<Loader>;
  /** This rank's micro-batches of a step. */
  microBatches(step: number): readonly MicroBatch[];
}

/** How a run ended. */
export interface RunOutcome {
  /** Steps done. */
  readonly step: number;
  /** Steps of the whole schedule: more than `step` if `maxSteps` or early stopping cut the run short. */
  readonly scheduleSteps: number;
  /** Whether the signal ended it before its last step. */
  readonly interrupted: boolean;
  /** The run's directory, or null. */
  readonly directory: string | null;
  /** Loss of the last step; null if none was run. */
  readonly loss: number | null;
}

/** The part of a training that replaying a step needs: the stages on the device and what they train. */
export interface TrainedStages<Batch, Parts extends object> {
  /** The model's shape, so that a checkpoint can be loaded without its config. */
  readonly shape: object;
  /** The method's own parameters and buffers; those of the user's stages are added to them. */
  readonly parameters: ParameterSet;
  /** What a user's stages may be built from: see {@link StagesOf}. */
  readonly parts: Parts;
  /** From the queue to the loss, by name and in order. */
  readonly stages: DeviceStages<Batch>;
  /** Frees the models. */
  dispose(): void;
}

/** A training that is ready to start. */
export interface Training<Batch, Parts extends object, Result extends object>
  extends TrainedStages<Batch, Parts> {
  /** Sizes from which the memory of a step is planned. */
  readonly footprint: ModelFootprint;
  /** How long to train, and how fast to learn. */
  readonly schedule: TrainingSchedule;
  /** What the workers do with each image. */
  readonly input: Pick<LoaderOptions, "transform" | "mask" | "cropsPerImage">;
  /** Something between the queue and the stages. */
  readonly ahead?: <Queued extends Batch>(queue: BatchQueue<Queued>) => BatchQueue<Queued>;
  /** The last of the leading stages with frozen models: its output becomes part of a failure bundle. */
  readonly frozenStage: string | null;
  /**
   * The optimizer of a run.
   *
   * @param parameters everything that is trained, in order
   */
  createOptimizer(parameters: readonly Parameter[]): Updater;
  /** Running statistics, which every rank updates from its own images. */
  readonly statistics?: readonly Parameter[];
  /**
   * Anything else that stages update before the optimizer does; if the step is skipped, all of it
   * is restored.
   */
  readonly moving?: readonly Parameter[];
  /** Whether a non-finite step is skipped; default: if the loss is scaled. */
  readonly skipsNonFinite?: boolean;
  /** The method's own state; names must be unique. */
  readonly kept?: readonly KeptState[];
  /** Left out if nothing is measured. */
  readonly evaluation?: Evaluation;
  /** Pictures for the report, drawn at every checkpoint. */
  readonly pictures?: DrawPictures;
  /** Values besides the parameters whose distribution is recorded at checkpoints. */
  readonly histograms?: () => ValueMap;
  /** Turns the stages' `details` into additional metrics. */
  readonly summarize?: (details: Float32Array) => Record<string, number>;
  /** Called with every step, after the listeners. */
  readonly onStep?: (metrics: StepMetrics) => void;
  /** Called once before the first step of a new run. */
  begin?(beginning: Beginning): Promise<void>;
  /** Called when a run ends, before its result is written: files next to the checkpoints. */
  finish?(end: { readonly interrupted: boolean }): Promise<void>;
  /**
   * What the run returns besides its {@link RunOutcome}.
   *
   * @param metrics of the last step
   */
  result(outcome: RunOutcome, metrics: Readonly<Record<string, number>>): Result;
}

/** A method's stages from the queue to the loss. */
export interface DeviceStages<Batch> extends Stage<Batch, LossOutput> {
  /** One after another. */
  readonly stages: readonly AnyStage[];
}

/** A failed step's model, from its bundle. */
export interface FailedTraining<C extends RunConfig> {
  /** The config of the run that failed. */
  readonly config: C;
  /** The model's shape, as the run's checkpoints hold it. */
  readonly shape: object;
  /** All parameters and buffers by name. */
  readonly parameters: ValueMap;
}

/** What a plan may know about the machine. */
export type PlanOptions = Pick<RunOptions, "memoryBudgetBytes" | "downloads">;

/** The plan of a run: these figures and a method's own. */
export interface RunPlan extends PlannedRun {
  /** Disk space of checkpoints and model files. */
  readonly disk: DiskPlan;
}

/** The plan of a run without steps: these figures and a method's own. */
export interface WholePlan {
  /** Bytes, by use. */
  readonly memory: { readonly peak: number };
  /** Disk space of model files. */
  readonly disk: DiskPlan;
}

/** What was measured of a run without steps: these figures and a method's own. */
export interface WholeMeasurement {
  /** Backend and device. */
  readonly device: string;
  /** The time of the whole run. */
  readonly secondsToFinish: number;
  /** A method's own. */
  readonly [figure: string]: number | string | null;
}

/** How a part of a run without steps is measured. */
export interface MeasureWholeOptions extends Pick<RunOptions, "downloads" | "signal"> {
  /** Called with what is happening. */
  readonly onNote?: (message: string) => void;
}

/** A training method. */
export interface Method<
  C extends RunConfig,
  Batch,
  Parts extends object,
  Result extends object,
  Images extends RunImages = RunImages,
> {
  /** The task whose configs it takes. */
  readonly task: TaskDefinition<C>;
  /** Set unless it is mimic's own method for that task: one method does not resume another's runs. */
  readonly name?: string;
  /** Stages before the queue that a user's may replace. */
  readonly inputStages: readonly string[];
  /**
   * The sizes of its images and transformer blocks, by which `precision: auto` chooses a number format;
   * default: those of ViT-S/16.
   */
  sizes?(config: C): TransformerSizes;
  /** Throws a `UserError` for a mistake in the config before anything is opened. */
  validate?(config: C): void;
  /**
   * Omit it if the images are those of `config.data` and nothing else.
   *
   * @param given the caller's images, in place of those that the config names
   */
  openImages?(config: C, given: Source | undefined): Promise<Images>;
  /** The whole of a run that a config asks for and that has no steps; null: it is run step by step. */
  withoutSteps?(
    config: C,
    options: MethodOptions<object, never>,
  ): Promise<(Result & RunOutcome) | null>;
  /** Builds models, stages and everything else that a run needs. */
  open(run: Run<C, Images>): Promise<Training<Batch, Parts, Result>>;
  /**
   * The trained stages of a failed step, for `replayFailure`; those before the frozen one are not run.
   */
  reopen?(on: Context, failed: FailedTraining<C>): TrainedStages<Batch, Parts>;
}

/** A method that the command line runs, plans and replays: one of those in `methods/mod.ts`. */
export interface ListedMethod<
  C extends RunConfig,
  Batch,
  Parts extends object,
  Result extends object,
  Images extends RunImages = RunImages,
> extends Method<C, Batch, Parts, Result, Images> {
  /**
   * What a run would cost, as far as it can be computed: `--dry-run`.
   *
   * @throws UserError for anything that would stop the run itself
   */
  plan(config: C, options?: PlanOptions): Promise<RunPlan | WholePlan>;
  /** Measures part of a run without steps; null if the signal ended it. */
  measureWhole?(config: C, options: MeasureWholeOptions): Promise<WholeMeasurement | null>;
  /** See {@link Method.reopen}; a listed method always has it. */
  reopen(on: Context, failed: FailedTraining<C>): TrainedStages<Batch, Parts>;
  /** The config of a run that is its steps alone, to measure them; default: the config itself. */
  stepsOnly?(config: C): C;
  /** What the command line shows of a result; default: the loss of the last step. */
  describe?(result: Result & RunOutcome): ResultWords;
}

/** A result as the command line shows it. */
export interface ResultWords {
  /** Lines of a table; none if nothing was measured. */
  readonly table: readonly string[];
  /** What follows `Pretrained for 300 steps in 2m`. */
  readonly ending?: string;
  /** Where the result is; default: `Everything is in` the run's directory. */
  readonly place?: string;
}

/** A method's name in checkpoints, failure bundles and messages. */
export function methodName(
  { task, name }: { readonly task: { readonly name: string }; readonly name?: string },
): string {
  return name ?? task.name;
}
