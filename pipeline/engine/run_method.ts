/**
 * The life of a run, the same for every method: restore, micro-batch, queue, loop, pauses, evaluation,
 * result.
 *
 * @module
 */

import { resultFile } from "../../checkpoints/store/run_directory.ts";
import type { JsonValue } from "../../checkpoints/store/store.ts";
import type { RunConfig } from "../../configs/task.ts";
import { Generator } from "../../core/generator.ts";
import type { LoadedBatch } from "../../data/loader/loader_options.ts";
import { communicatorOf } from "../../backends/backend.ts";
import type { StepFailure } from "./training/step_failure.ts";
import type { StepMetrics } from "./events.ts";
import type { BatchQueue } from "./queue.ts";
import { train } from "./training/trainer.ts";
import { openTrainingSource } from "../images/data_sources.ts";
import { computationOf } from "./computing/computation.ts";
import { type Method, methodName } from "./method.ts";
import type { RunImages, RunOutcome, Training, ValueMap } from "./method.ts";
import { type DataPrint, dataPrint, requireSameData } from "./resuming/data_print.ts";
import { isCheckpointDue } from "./training/due.ts";
import { EarlyStop, type StoppedEarly } from "./training/early_stop.ts";
import { writeFailure } from "./recording/failure_bundle.ts";
import { fitMicroBatch } from "./planning/micro_batch.ts";
import { openImages } from "./open_images.ts";
import { openQueue, openRunLoader } from "./open_queue.ts";
import { OwnStages } from "./own_stages.ts";
import { requireRoom } from "./planning/require_room.ts";
import { requireSameMethod } from "./resuming/require_same_method.ts";
import { RunCheckpoints } from "./resuming/run_checkpoints.ts";
import type { MethodOptions } from "./run_options.ts";
import { keptMetrics } from "./run_state.ts";
import { type LoaderShare, microBatchesAt } from "./schedule.ts";
import { RunSession } from "./session.ts";
import { withSmallerMicroBatches } from "./smaller_micro_batches.ts";
import { TrainedModel } from "./training/trained_model.ts";

/** What every run returns. */
export interface EngineOutcome extends RunOutcome {
  /** Where `evaluation.stop` ended it before the end of its schedule. */
  readonly stoppedEarly: StoppedEarly | null;
}

/**
 * Runs a method according to a config.
 *
 * @throws UserError for a mistake in the config, the data, a checkpoint or the run directory
 */
export async function runMethod<
  C extends RunConfig,
  Parts extends object,
  Result extends object,
  Images extends RunImages,
>(
  method: Method<C, LoadedBatch, Parts, Result, Images>,
  config: C,
  options: MethodOptions<object, Parts>,
): Promise<Result & EngineOutcome> {
  method.validate?.(config);
  const whole = await method.withoutSteps?.(config, options as MethodOptions<object, never>) ??
    null;
  if (whole !== null) return { stoppedEarly: null, ...whole };
  // Defaults for everything that a method leaves out.
  const images = await (method.openImages?.(config, options.source) ??
    openImages(options.source, () => openTrainingSource(config.data)) as Promise<Images>);
  try {
    const print = dataPrint(images.source);
    return await withSmallerMicroBatches(config, options, async (options) => {
      const session = await RunSession.open(method, config, options);
      try {
        return await new MethodRun(method, config, options, session, images, print).run();
      } finally {
        await session.close();
      }
    });
  } finally {
    images.close();
  }
}

/** One run, from an open session to its result. */
class MethodRun<
  C extends RunConfig,
  Parts extends object,
  Result extends object,
  Images extends RunImages,
> {
  readonly #stop: EarlyStop | null;
  #isStopped = false;
  /** Of the last step, or of the checkpoint's. */
  #metrics: Readonly<Record<string, number>>;
  #share: LoaderShare | null = null;

  constructor(
    readonly method: Method<C, LoadedBatch, Parts, Result, Images>,
    readonly config: C,
    readonly options: MethodOptions<object, Parts>,
    readonly session: RunSession,
    readonly images: Images,
    readonly print: DataPrint,
  ) {
    this.#stop = EarlyStop.of(config);
    this.#metrics = session.resumed?.state.metrics ?? {};
  }

  async run(): Promise<Result & EngineOutcome> {
    const { resumed, path, listener } = this.session;
    if (resumed !== null) requireSameMethod(path, resumed.state, this.method);
    if (resumed?.result !== undefined && resumed.result !== null) {
      listener({ type: "note", message: `The run in "${path}" is already finished` });
      return { ...resumed.result, directory: path } as Result & EngineOutcome;
    }
    if (resumed !== null && path !== null) {
      requireSameData(path, resumed.state.data, this.print, this.config.data.source);
    }
    const extra = resumed === null ? null : await RunCheckpoints.readExtra(this.session);
    const training = await this.#open(extra);
    try {
      return await this.#train(training, extra);
    } finally {
      training.dispose();
    }
  }

  #open(extra: ValueMap | null): Promise<Training<LoadedBatch, Parts, Result>> {
    const { on, listener, resumed } = this.session;
    return this.method.open({
      config: this.config,
      on,
      images: this.images,
      listener,
      downloads: this.options.downloads ?? {},
      saved: resumed === null || extra === null
        ? null
        : { shape: resumed.state.model as object, extra },
      directory: this.session.path,
      requireRoom: (footprint) =>
        requireRoom(this.config, footprint, on, this.options.memoryLimitBytes),
      writeModel: (...content) => this.session.writeModel(...content),
    });
  }

  async #train(
    training: Training<LoadedBatch, Parts, Result>,
    extra: ValueMap | null,
  ): Promise<Result & EngineOutcome> {
    const { config, session, images: { source }, method } = this;
    const { on, listener, resumed } = session;
    const { length } = training.schedule;
    const known = [...method.inputStages, ...training.stages.stages.map(({ name }) => name)];
    const generator = Generator.from(config.seed);
    const own = OwnStages.create(
      on,
      this.options.stages,
      training.parts,
      [...known, "optimize"],
      generator,
    );
    const model = new TrainedModel(on, config, training, own, this.#stop);
    const checkpoints = new RunCheckpoints(session, model);
    let queue: BatchQueue<LoadedBatch> | null = null;
    try {
      const startStep = await checkpoints.restore(extra);
      const share = fitMicroBatch(config, training.footprint, {
        on,
        listener,
        options: this.options,
        saved: resumed?.state.microBatch,
      });
      this.#share = share;
      const microBatches = microBatchesAt(config, length, source.length, share);
      const { input } = training;
      const opening = {
        ...{ config, source, input, own, share, listener, microBatches },
        names: method.inputStages,
      };
      if (startStep === 0) {
        await training.begin?.({ openLoader: () => openRunLoader(opening), microBatches });
      }
      const opened = await openQueue(opening);
      queue = training.ahead?.(opened) ?? opened;
      this.#describe(training);
      const { totalSteps, scheduleSteps, stepsPerEpoch } = length;
      listener({
        ...{ type: "start", totalSteps, scheduleSteps, step: startStep },
        directory: session.path,
        finalImages: training.evaluation?.finalImages ?? 0,
      });
      if (resumed?.state.logs !== undefined) {
        // Everything that followed the save is repeated: its records were cut off.
        await checkpoints.recordAgain(startStep);
        this.#isStopped = await this.#evaluate(training, model, startStep);
      }
      const save = (step: number) => this.#save(training, checkpoints, step);
      const { schedule, statistics, moving, summarize, frozenStage } = training;
      const { step, interrupted } = this.#isStopped
        ? { step: startStep, interrupted: false }
        : await train({
          on,
          queue,
          stages: model.stages,
          learningRate: schedule.learningRate,
          startStep,
          totalSteps,
          batchSize: config.batchSize,
          microBatches,
          imagesPerEpoch: stepsPerEpoch * config.batchSize,
          generator,
          listener: (event) => {
            listener(event);
            if (event.type === "step") this.#see(training, event.metrics);
          },
          skipsNonFinite: training.skipsNonFinite ?? on.precision === "float16",
          ...(summarize === undefined ? {} : { summarize }),
          wantsPause: (at) =>
            isCheckpointDue(config, at, length) || (training.evaluation?.isDue(at) ?? false),
          pause: async (at) => {
            await save(at);
            return this.#isStopped = await this.#evaluate(training, model, at);
          },
          ...(frozenStage === null ? {} : { frozenStage }),
          saveFailure: (failure) => this.#saveFailure(training, checkpoints, own, failure),
          ...(this.options.signal === undefined ? {} : { signal: this.options.signal }),
          ...(statistics === undefined ? {} : { statistics }),
          ...(moving === undefined ? {} : { moving }),
          relay: session.relay,
          profiler: session.profiler(),
        });
      return await this.#finish(training, model, step, interrupted);
    } finally {
      await queue?.close();
      model.dispose();
    }
  }

  #describe(training: Training<LoadedBatch, Parts, Result>): void {
    const { recorder } = this.session;
    const { length, classes, notes = [] } = this.images.source;
    const { source } = this.config.data;
    for (const message of notes) this.session.listener({ type: "note", message });
    recorder?.describeData({ location: source, files: length, classes });
    if (training.pictures !== undefined) recorder?.setPictures(training.pictures);
  }

  #see(training: Training<LoadedBatch, Parts, Result>, metrics: StepMetrics): void {
    this.#metrics = keptMetrics(metrics);
    training.onStep?.(metrics);
  }

  async #save(
    { shape, schedule: { length } }: Training<LoadedBatch, Parts, Result>,
    checkpoints: RunCheckpoints,
    step: number,
  ): Promise<void> {
    const { task, seed } = this.config;
    await checkpoints.save(step, {
      task,
      ...(this.method.name === undefined ? {} : { method: this.method.name }),
      configHash: this.session.hash,
      seed,
      model: shape as JsonValue,
      finished: step >= length.scheduleSteps,
      computation: computationOf(this.session.on),
      microBatch: this.#share!.microBatch,
      data: this.print,
      metrics: this.#metrics,
    });
  }

  /** The evaluation after a step, if one is due; returns whether the run should stop. */
  async #evaluate(
    { evaluation }: Training<LoadedBatch, Parts, Result>,
    { averages }: TrainedModel<LoadedBatch>,
    step: number,
  ): Promise<boolean> {
    if (evaluation === undefined || !evaluation.isDue(step)) return false;
    const figures = await evaluation.evaluate({ step, averages });
    return this.#stop?.see(step, figures, this.session.listener) ?? false;
  }

  async #finish(
    training: Training<LoadedBatch, Parts, Result>,
    { averages }: TrainedModel<LoadedBatch>,
    step: number,
    interrupted: boolean,
  ): Promise<Result & EngineOutcome> {
    const { session } = this;
    const { scheduleSteps } = training.schedule.length;
    const isWhole = step >= scheduleSteps || this.#isStopped;
    if (!interrupted) await training.evaluation?.finish({ step, averages, isWhole });
    await training.finish?.({ interrupted });
    const outcome: EngineOutcome = {
      step,
      scheduleSteps,
      interrupted,
      directory: session.path,
      loss: this.#metrics.loss ?? null,
      stoppedEarly: this.#isStopped && step < scheduleSteps ? this.#stop!.outcome : null,
    };
    const result = { ...training.result(outcome, this.#metrics), ...outcome };
    if (communicatorOf(session.on).size > 1) await session.relay.exchange();
    const { stoppedEarly } = outcome;
    if (!interrupted) session.directory?.writeText(resultFile, resultText(result));
    session.listener({ type: "done", step, interrupted, scheduleSteps, stoppedEarly });
    return result;
  }

  async #saveFailure(
    { shape, frozenStage }: Training<LoadedBatch, Parts, Result>,
    checkpoints: RunCheckpoints,
    own: OwnStages,
    failure: StepFailure<LoadedBatch>,
  ): Promise<string | null> {
    const { directory, on } = this.session;
    if (directory === null || !this.config.guard.failureBundle) return null;
    return await writeFailure(directory.path, failure, {
      config: this.config,
      method: methodName(this.method),
      backend: on.backend.name,
      model: shape,
      parameters: await checkpoints.exportParameters(),
      frozenStage,
      ownStages: own.names,
    });
  }
}

function resultText(result: object): string {
  return JSON.stringify(result, null, 2) + "\n";
}
