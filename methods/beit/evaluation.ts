/**
 * Evaluations during pretraining and at its end.
 *
 * @module
 */

import { metricName } from "../../core/metric_names.ts";
import { UserError } from "../../core/errors.ts";
import type { BeitEncoder } from "../../models/beit_encoder.ts";
import type { ParameterSet } from "../../models/parameter_set.ts";
import {
  encoderFeatures,
  type EvaluatedConfig,
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

/** Accuracies in [0, 1], by name, for each thing evaluated. */
export type EvaluationResults = Readonly<Record<string, Readonly<Record<string, number>>>>;

type Pooling = EvaluatedConfig["evaluation"]["knn"]["pooling"];

/** A model whose encoder's features are evaluated. */
export interface EncodingModel {
  /** The encoder's shape, stored with the best model. */
  readonly config: object;
  /** The encoder whose features are measured. */
  readonly encoder: BeitEncoder;
  /** The encoder's parameters, as the best model stores them. */
  readonly parameters: ParameterSet;
  /** Frees what the evaluation made. */
  dispose(): void;
}

/** What an evaluation needs. */
interface Subject {
  readonly run: Run<EvaluatedConfig>;
  readonly data: EvaluationData | null;
  readonly length: RunLength;
  readonly model: EncodingModel;
  /** The network before training; dispose of it. */
  readonly untrained: () => EncodingModel;
}

/** Refuses early stopping by a metric that is left out of evaluations with few classes. */
function requireTelling(
  { evaluation: { stop } }: EvaluatedConfig,
  { classes }: EvaluationData,
): void {
  if (!stop?.metric.endsWith("Top5") || classes > 5) return;
  throw new UserError(
    `Cannot stop by ${stop.metric}: with ${classes} classes, top-5 accuracy is meaningless`,
    { hint: `give --set evaluation.stop.metric=${stop.metric.replace("Top5", "Top1")}` },
  );
}

/**
 * Measures the quality of a model's features when the config's `evaluation` asks for it: k-NN and
 * linear accuracy and, if baselines are wanted, those of the untrained network, raw pixels and
 * chance.
 */
export class FeatureEvaluation implements Evaluation, KeptState {
  readonly #subject: Subject;
  #results: EvaluationResults = {};
  /** For the metric of `evaluation.stop`. */
  #best = -Infinity;

  private constructor(subject: Subject) {
    this.#subject = subject;
  }

  /**
   * Opens the labelled images if any evaluation is wanted; says so if there are none.
   *
   * @param untrained creates the network as it was before training, for comparison
   */
  static async open(
    run: Run<EvaluatedConfig>,
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

  /** The results at the end. */
  get results(): EvaluationResults {
    return this.#results;
  }

  /** Whether an evaluation is due after a step. */
  isDue(step: number): boolean {
    const { data, length, run: { config } } = this.#subject;
    const { knn, linear } = config.evaluation;
    return data !== null && [knn, linear].some(({ every }) => isDue(every, step, length));
  }

  /** Runs the evaluations that are due after a step. */
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

  /** Keeps the best model of a run with early stopping. */
  async #keepBest(step: number, figures: Readonly<Record<string, number>>): Promise<void> {
    const { model, run: { config: { evaluation: { stop } }, writeModel } } = this.#subject;
    const found = stop ? figures[stop.metric] : undefined;
    // In the form that the checkpoint keeps, so that a resumed run compares the same numbers.
    const value = Math.fround(found ?? -Infinity);
    if (value <= this.#best) return;
    this.#best = value;
    await writeModel(bestModelFile, toTensors(model.parameters.lazy()), {
      "mimic.shape": JSON.stringify(model.config),
      "mimic.best": JSON.stringify({ step, [stop!.metric]: value }),
    });
  }

  /** The best so far, for a checkpoint; nothing without early stopping. */
  export(): ValueMap {
    if (this.#best === -Infinity) return new Map();
    return new Map([["best", { shape: [1], values: Float32Array.of(this.#best) }]]);
  }

  load(values: ValueMap): void {
    this.#best = values.get("best")?.values[0] ?? -Infinity;
  }

  /**
   * The evaluations at the end: of the model and, if baselines are wanted, of raw pixels and of the network
   * before training, together with chance.
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
        `Not evaluated: that is done at step ${length.scheduleSteps}, the last one in the schedule`;
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

/** The accuracy of guessing. */
function chanceOf(
  accuracies: Readonly<Record<string, number>>,
  classes: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.keys(accuracies).map((key) => [key, (key.endsWith("5") ? 5 : 1) / classes]),
  );
}
