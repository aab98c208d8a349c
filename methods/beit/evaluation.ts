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
  type Measures,
  openEvaluationData,
  rawPixels,
} from "../../pipeline/evaluation/evaluate_features.ts";
import { spreadIndices } from "../../pipeline/evaluation/rank_me.ts";
import { openTrainingSource } from "../../pipeline/images/data_sources.ts";
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

/** Accuracies in [0, 1] and RankMe, by name, for each thing evaluated. */
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

/** The network before training, which the trained one is compared with. */
export interface EvaluationStart {
  /** `untrained`, or `checkpoint` if the run continues one. */
  readonly name: "untrained" | "checkpoint";
  /** Creates it; dispose of it. */
  create(): EncodingModel | Promise<EncodingModel>;
}

/** What an evaluation needs. */
interface Subject {
  readonly run: Run<EvaluatedConfig>;
  readonly data: EvaluationData | null;
  readonly length: RunLength;
  readonly model: EncodingModel;
  readonly start: EvaluationStart;
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
 * linear accuracy, RankMe and, if baselines are wanted, those of the untrained network, and the
 * accuracies of raw pixels and chance.
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
   * Opens the images if any evaluation is wanted; says so if accuracies are, and there are no labels.
   *
   * @param start the network as it was before training, or what creates it, for comparison
   */
  static async open(
    run: Run<EvaluatedConfig>,
    length: RunLength,
    model: EncodingModel,
    start: EvaluationStart | (() => EncodingModel),
  ): Promise<FeatureEvaluation> {
    const { knn, linear } = run.config.evaluation;
    const isWanted = ({ atEnd, every }: typeof linear) => atEnd || every !== null;
    const named = typeof start === "function"
      ? { name: "untrained", create: start } as const
      : start;
    const subject = { run, length, model, start: named };
    if (!isWanted(knn) && !isWanted(linear)) {
      return new FeatureEvaluation({ ...subject, data: null });
    }
    const data = await openEvaluationData(run.config);
    if (!("reason" in data)) {
      requireTelling(run.config, data);
      return new FeatureEvaluation({ ...subject, data });
    }
    const instead = isWanted(knn) ? `; ${metricName("rankMe")} is measured, which needs none` : "";
    const message = `No accuracy of features: ${data.reason}${instead}`;
    run.listener({ type: "note", message });
    if (!isWanted(knn)) return new FeatureEvaluation({ ...subject, data: null });
    const train = await openTrainingSource(run.config.data);
    return new FeatureEvaluation({ ...subject, data: { train, test: null, classes: 0 } });
  }

  /** What is measured at the end. */
  get #finalMeasures(): Measures {
    const { data, run: { config: { evaluation: { knn, linear } } } } = this.#subject;
    const hasLabels = (data?.test ?? null) !== null;
    return {
      knn: hasLabels && knn.atEnd,
      linear: hasLabels && linear.atEnd,
      rankMe: data !== null && knn.atEnd,
    };
  }

  /** What is measured after a step during training. */
  #measuresAt(step: number): Measures {
    const { data, length, run: { config: { evaluation } } } = this.#subject;
    const hasLabels = (data?.test ?? null) !== null;
    return {
      knn: hasLabels && isDue(evaluation.knn.every, step, length),
      linear: hasLabels && isDue(evaluation.linear.every, step, length),
      rankMe: data !== null && isDue(evaluation.knn.every, step, length),
    };
  }

  get finalImages(): number {
    const { data, length, run: { config } } = this.#subject;
    const { evaluation: { knn, linear, baselines } } = config;
    const which = this.#finalMeasures;
    // A run that is cut short is not evaluated.
    if (data === null || length.totalSteps < length.scheduleSteps) return 0;
    if (!which.knn && !which.linear) {
      return which.rankMe ? (baselines ? 2 : 1) * spreadIndices(data.train.length).length : 0;
    }
    const isTwice = (which.knn || which.rankMe) && which.linear && knn.pooling !== linear.pooling;
    const images = data.train.length + (data.test?.length ?? 0);
    return (isTwice ? 2 : 1) * (baselines ? 2 : 1) * images;
  }

  /** The results at the end. */
  get results(): EvaluationResults {
    return this.#results;
  }

  /** Whether an evaluation is due after a step. */
  isDue(step: number): boolean {
    return isAny(this.#measuresAt(step));
  }

  /** Runs the evaluations that are due after a step. */
  async evaluate({ step }: EvaluationMoment): Promise<Readonly<Record<string, number>>> {
    const featurize = this.#featuresOf(this.#subject.model);
    const figures = await this.#measure("features", step, featurize, this.#measuresAt(step));
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
    const { data, model, length, start, run: { config, listener } } = this.#subject;
    const which = this.#finalMeasures;
    if (data === null || !isAny(which)) return;
    if (!isWhole) {
      const message =
        `Not evaluated: that is done at step ${length.scheduleSteps}, the last one in the schedule`;
      listener({ type: "note", message });
      return;
    }
    const results: Record<string, Record<string, number>> = {};
    results.features = await this.#measure("features", step, this.#featuresOf(model), which);
    if (config.evaluation.baselines) {
      const fresh = await this.#createStart();
      if (fresh !== null) {
        const featurize = this.#featuresOf(fresh);
        results[start.name] = await this.#measure(start.name, step, featurize, which);
        fresh.dispose();
      }
      if (which.knn || which.linear) {
        // The rank of pixels says nothing of features, and takes long: there are many of them.
        const accuracies = { ...which, rankMe: false };
        results.pixels = await this.#measure("pixels", step, () => rawPixels, accuracies);
        results.chance = chanceOf(results.features, data.classes);
      }
    }
    this.#results = results;
  }

  /** Null if its checkpoint is no longer there: the run itself does not need it any more. */
  async #createStart(): Promise<EncodingModel | null> {
    const { start, run: { listener } } = this.#subject;
    try {
      return await start.create();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      listener({ type: "note", message: `Not compared with its checkpoint: ${error.message}` });
      return null;
    }
  }

  #featuresOf(model: EncodingModel) {
    return (pooling: Pooling): Featurize =>
      encoderFeatures(model.encoder, this.#subject.run.config, pooling);
  }

  async #measure(
    name: string,
    step: number,
    featurize: (pooling: Pooling) => Featurize,
    which: Measures,
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

function isAny({ knn, linear, rankMe }: Measures): boolean {
  return knn || linear || rankMe;
}

/** The accuracy of guessing. */
function chanceOf(
  accuracies: Readonly<Record<string, number>>,
  classes: number,
): Record<string, number> {
  return Object.fromEntries(
    Object.keys(accuracies).filter((key) => /Top\d$/.test(key))
      .map((key) => [key, (key.endsWith("5") ? 5 : 1) / classes]),
  );
}
