/**
 * Evaluations during and at the end of a pretraining run.
 *
 * @module
 */

import type { PretrainConfig } from "../../configs/schema.ts";
import { metricName } from "../../core/metric_names.ts";
import { UserError } from "../../core/errors.ts";
import type { BeitEncoder } from "../../models/beit_encoder.ts";
import type { ParameterSet } from "../../models/parameter_set.ts";
import {
  encoderFeatures,
  evaluateFeatures,
  type EvaluationData,
  type Featurize,
  openEvaluationData,
  rawPixels,
} from "../../pipeline/evaluation/evaluate_features.ts";
import { toTensors } from "../../pipeline/weights/model_tensors.ts";
import { bestModelFile } from "../classify/evaluation.ts";
import { isDue } from "../../pipeline/engine/training/due.ts";
import type { RunLength } from "../../pipeline/engine/schedule.ts";
import type {
  Evaluation,
  EvaluationMoment,
  KeptState,
  Run,
  ValueMap,
} from "../../pipeline/engine/method.ts";

/** Accuracies in [0, 1] by name, by what was evaluated. */
export type EvaluationResults = Readonly<Record<string, Readonly<Record<string, number>>>>;

type Pooling = PretrainConfig["evaluation"]["knn"]["pooling"];

/** A model whose encoder's features are evaluated. */
export interface EncodingModel {
  /** The encoder's shape, kept with the best model. */
  readonly config: object;
  readonly encoder: BeitEncoder;
  readonly parameters: ParameterSet;
  dispose(): void;
}

/** What an evaluation works with. */
interface Subject {
  readonly run: Run<PretrainConfig>;
  readonly data: EvaluationData | null;
  readonly length: RunLength;
  readonly model: EncodingModel;
  /** The network as it is before training; dispose of it. */
  readonly untrained: () => EncodingModel;
}

/** Refuses to stop by a figure that is left out of evaluations with few classes. */
function requireTelling(
  { evaluation: { stop } }: PretrainConfig,
  { classes }: EvaluationData,
): void {
  if (!stop?.metric.endsWith("Top5") || classes > 5) return;
  throw new UserError(
    `Cannot stop by ${stop.metric}: with ${classes} classes top-5 accuracy says nothing`,
    { hint: `give --set evaluation.stop.metric=${stop.metric.replace("Top5", "Top1")}` },
  );
}

/**
 * Measures what the features of a model are worth when the config's `evaluation` says so: k-NN and
 * linear accuracy, beside the untrained network, raw pixels and chance where baselines are wanted.
 */
export class FeatureEvaluation implements Evaluation, KeptState {
  readonly #subject: Subject;
  #results: EvaluationResults = {};
  /** Of `evaluation.stop`'s figure. */
  #best = -Infinity;

  private constructor(subject: Subject) {
    this.#subject = subject;
  }

  /**
   * Opens the labelled images, if any evaluation is wanted; says so where there are none.
   *
   * @param untrained makes the network as it was before training, to compare with
   */
  static async open(
    run: Run<PretrainConfig>,
    length: RunLength,
    model: EncodingModel,
    untrained: () => EncodingModel,
  ): Promise<FeatureEvaluation> {
    const { knn, linear } = run.config.evaluation;
    const isWanted = [knn, linear].some(({ atEnd, every }) => atEnd || every !== null);
    const subject = { run, length, model, untrained };
    if (!isWanted) return new FeatureEvaluation({ ...subject, data: null });
    const data = await openEvaluationData(run.config);
    if (!("reason" in data)) {
      requireTelling(run.config, data);
      return new FeatureEvaluation({ ...subject, data });
    }
    run.listener({ type: "note", message: `No evaluation of features: ${data.reason}` });
    return new FeatureEvaluation({ ...subject, data: null });
  }

  get finalImages(): number {
    const { data, length, run: { config } } = this.#subject;
    const { knn, linear, baselines } = config.evaluation;
    // A run that is cut short is not evaluated.
    const isMade = (knn.atEnd || linear.atEnd) && length.totalSteps >= length.scheduleSteps;
    if (data === null || !isMade) return 0;
    const passes = knn.atEnd && linear.atEnd && knn.pooling !== linear.pooling ? 2 : 1;
    return passes * (baselines ? 2 : 1) * (data.train.length + data.test.length);
  }

  /** What was found at the end. */
  get results(): EvaluationResults {
    return this.#results;
  }

  /** Whether an evaluation is due after a step. */
  isDue(step: number): boolean {
    const { data, length, run: { config } } = this.#subject;
    const { knn, linear } = config.evaluation;
    return data !== null && [knn, linear].some(({ every }) => isDue(every, step, length));
  }

  /** The evaluations that are due after a step. */
  async evaluate({ step }: EvaluationMoment): Promise<Readonly<Record<string, number>>> {
    const { model, length, run: { config } } = this.#subject;
    const { knn, linear } = config.evaluation;
    const figures = await this.#measure("features", step, this.#featuresOf(model), {
      knn: isDue(knn.every, step, length),
      linear: isDue(linear.every, step, length),
    });
    await this.#keepBest(step, figures);
    return figures;
  }

  /** Keeps the best model of a run that may stop early. */
  async #keepBest(step: number, figures: Readonly<Record<string, number>>): Promise<void> {
    const { model, run: { config: { evaluation: { stop } }, writeModel } } = this.#subject;
    const found = stop ? figures[stop.metric] : undefined;
    // As the checkpoint keeps it, so that a resumed run compares the same numbers.
    const value = Math.fround(found ?? -Infinity);
    if (value <= this.#best) return;
    this.#best = value;
    await writeModel(bestModelFile, toTensors(model.parameters.lazy()), {
      "mimic.shape": JSON.stringify(model.config),
      "mimic.best": JSON.stringify({ step, [stop!.metric]: value }),
    });
  }

  /** The best so far for a checkpoint; nothing where the run does not stop early. */
  export(): ValueMap {
    if (this.#best === -Infinity) return new Map();
    return new Map([["best", { shape: [1], values: Float32Array.of(this.#best) }]]);
  }

  load(values: ValueMap): void {
    this.#best = values.get("best")?.values[0] ?? -Infinity;
  }

  /**
   * The evaluations at the end: of the model, and, where baselines are wanted, of the raw pixels and of
   * the network as it was before training, with what guessing gives.
   */
  async finish(
    { step, isWhole }: EvaluationMoment & { readonly isWhole: boolean },
  ): Promise<void> {
    const { data, model, untrained, length, run: { config, listener } } = this.#subject;
    const { knn, linear, baselines } = config.evaluation;
    const which = { knn: knn.atEnd, linear: linear.atEnd };
    if (data === null || !(which.knn || which.linear)) return;
    if (!isWhole) {
      const message =
        `Not evaluated: that is done at step ${length.scheduleSteps}, the last of the schedule`;
      listener({ type: "note", message });
      return;
    }
    const results: Record<string, Record<string, number>> = {};
    results.features = await this.#measure("features", step, this.#featuresOf(model), which);
    if (baselines) {
      const fresh = untrained();
      results.untrained = await this.#measure("untrained", step, this.#featuresOf(fresh), which);
      fresh.dispose();
      results.pixels = await this.#measure("pixels", step, () => rawPixels, which);
      results.chance = chanceOf(results.features, data.classes);
    }
    this.#results = results;
  }

  #featuresOf(model: EncodingModel) {
    return (pooling: Pooling): Featurize =>
      encoderFeatures(model.encoder, this.#subject.run.config, pooling);
  }

  async #measure(
    name: string,
    step: number,
    featurize: (pooling: Pooling) => Featurize,
    which: { knn: boolean; linear: boolean },
  ): Promise<Record<string, number>> {
    const { data, run: { on, config, listener } } = this.#subject;
    const result = await evaluateFeatures(on, config, data!, featurize, which, {
      listener,
      what: metricName(name),
    });
    listener({ type: "evaluation", step, name, result });
    return result;
  }
}

/** What guessing gives for each accuracy. */
function chanceOf(
  accuracies: Readonly<Record<string, number>>,
  classes: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.keys(accuracies).map((key) => [key, (key.endsWith("5") ? 5 : 1) / classes]),
  );
}
