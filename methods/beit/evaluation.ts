/**
 * Evaluations during and at the end of a pretraining run.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { PretrainConfig } from "../../configs/schema.ts";
import type { MaskedImageModel } from "../../models/masked_image_model.ts";
import type { RunListener } from "../../pipeline/events.ts";
import type { RunLength } from "../engine/schedule.ts";
import { isDue } from "../engine/training.ts";
import {
  encoderFeatures,
  evaluateFeatures,
  type EvaluationData,
  type Featurize,
  openEvaluationData,
  rawPixels,
} from "../../tasks/evaluation/evaluate_features.ts";

/** Accuracies in [0, 1] by name, by what was evaluated. */
export type EvaluationResults = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** Measures what the features of a model are worth when the config says so. */
export class PretrainEvaluation {
  readonly #config: PretrainConfig;
  readonly #on: Context;
  readonly #listener: RunListener;
  readonly #data: EvaluationData | null;

  private constructor(
    config: PretrainConfig,
    on: Context,
    listener: RunListener,
    data: EvaluationData | null,
  ) {
    this.#config = config;
    this.#on = on;
    this.#listener = listener;
    this.#data = data;
  }

  /** Opens the labelled images, if any evaluation is wanted; says so where there are none. */
  static async open(
    config: PretrainConfig,
    on: Context,
    listener: RunListener,
  ): Promise<PretrainEvaluation> {
    const { knn, linear } = config.evaluation;
    const isWanted = [knn, linear].some(({ atEnd, every }) => atEnd || every !== null);
    if (!isWanted) return new PretrainEvaluation(config, on, listener, null);
    const data = await openEvaluationData(config);
    if (!("reason" in data)) return new PretrainEvaluation(config, on, listener, data);
    listener({ type: "note", message: `No evaluation of features: ${data.reason}` });
    return new PretrainEvaluation(config, on, listener, null);
  }

  /** Whether an evaluation is due after a step. */
  isDue(step: number, length: RunLength): boolean {
    const { knn, linear } = this.#config.evaluation;
    return this.#data !== null && [knn, linear].some(({ every }) => isDue(every, step, length));
  }

  /** The evaluations that are due after a step. */
  async evaluate(model: MaskedImageModel, step: number, length: RunLength): Promise<void> {
    const { knn, linear } = this.#config.evaluation;
    await this.#measure("features", step, this.#featuresOf(model), {
      knn: isDue(knn.every, step, length),
      linear: isDue(linear.every, step, length),
    });
  }

  /**
   * The evaluations at the end: of the model, and, where baselines are wanted, of the raw pixels and of
   * the network as it was before training.
   */
  async finish(
    model: MaskedImageModel,
    untrained: () => MaskedImageModel,
    step: number,
  ): Promise<EvaluationResults> {
    const { knn, linear, baselines } = this.#config.evaluation;
    const which = { knn: knn.atEnd, linear: linear.atEnd };
    if (this.#data === null || !(which.knn || which.linear)) return {};
    const results: Record<string, Record<string, number>> = {};
    results.features = await this.#measure("features", step, this.#featuresOf(model), which);
    if (!baselines) return results;
    const fresh = untrained();
    results.untrained = await this.#measure("untrained", step, this.#featuresOf(fresh), which);
    fresh.dispose();
    results.pixels = await this.#measure("pixels", step, () => rawPixels, which);
    return results;
  }

  #featuresOf(model: MaskedImageModel) {
    return (pooling: PretrainConfig["evaluation"]["knn"]["pooling"]): Featurize =>
      encoderFeatures(model.encoder, this.#config, pooling);
  }

  async #measure(
    name: string,
    step: number,
    featurize: (pooling: PretrainConfig["evaluation"]["knn"]["pooling"]) => Featurize,
    which: { knn: boolean; linear: boolean },
  ): Promise<Record<string, number>> {
    const [on, config] = [this.#on, this.#config];
    const result = await evaluateFeatures(
      on,
      config,
      this.#data!,
      featurize,
      which,
      this.#listener,
    );
    this.#listener({ type: "evaluation", step, name, result });
    return result;
  }
}
