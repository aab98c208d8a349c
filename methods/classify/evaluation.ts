/**
 * Accuracy during fine-tuning, and the best model so far.
 *
 * @module
 */

import { communicatorOf } from "../../backends/backend.ts";
import type { FinetuneConfig } from "./config.ts";
import { UserError } from "../../core/errors.ts";
import type { Source } from "../../data/sources/source.ts";
import type { Classifier } from "../../models/classifier.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import { openEvaluationSource } from "../../pipeline/images/data_sources.ts";
import { metricName, tellingMetrics } from "../../core/metric_names.ts";
import {
  type ClassificationCounts,
  confusionOf,
  countCorrect,
} from "../../pipeline/evaluation/classification.ts";
import type { Accuracy } from "../../pipeline/evaluation/knn.ts";
import { requireSameClasses } from "../../pipeline/images/require_labels.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { toTensors } from "../../pipeline/weights/model_tensors.ts";
import { isDue } from "../../pipeline/engine/training/due.ts";
import type { RunLength } from "../../pipeline/engine/schedule.ts";
import type { Evaluation, EvaluationMoment, KeptState, Run } from "../../pipeline/engine/method.ts";
import { evaluationTransform } from "../../pipeline/images/transforms.ts";

/** Accuracies after a step. */
export interface FinetuneAccuracy extends Accuracy {
  readonly step: number;
  /** Of the weights' moving average, if there is one. */
  readonly averaged: Accuracy | null;
}

/** The best model so far: the weights or their average, whichever was better. */
export interface BestModel extends Accuracy {
  /** Steps done when it was measured. */
  readonly step: number;
  /** Whether it is the weights' moving average. */
  readonly isAveraged: boolean;
}

/** The name of the best model's file in the run's directory. */
export const bestModelFile = "best.safetensors";

/** The best so far in the form that is stored: integers, which a checkpoint holds exactly. */
type BestCounts = Omit<ClassificationCounts, "confusion"> & Pick<BestModel, "step" | "isAveraged">;

function accuracyOf({ correct, correctFive, images }: Omit<ClassificationCounts, "confusion">) {
  return { top1: correct / images, top5: correctFive / images };
}

/**
 * Opens the evaluation split; null, with a note, if there is none.
 *
 * @throws UserError if its classes are not those of the training images
 */
export async function openEvaluationSplit(
  { config, images, listener }: Run<FinetuneConfig>,
): Promise<Source | null> {
  let source: Source;
  try {
    source = await openEvaluationSource(config.data);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    listener({ type: "warning", kind: "noEvaluation", message: `No evaluation: ${error.message}` });
    return null;
  }
  try {
    requireSameClasses(images.source, source, config.data.evaluationSource ?? config.data.source);
    return source;
  } catch (error) {
    source.close?.();
    throw error;
  }
}

/** Measures a classifier on the evaluation split and keeps the best one. */
export class FinetuneEvaluation implements Evaluation, KeptState {
  readonly #run: Run<FinetuneConfig>;
  readonly #length: RunLength;
  readonly #model: Classifier;
  readonly #source: Source | null;
  #best: BestCounts | null = null;
  #last: FinetuneAccuracy | null = null;

  /** @param source the evaluation split, or null; closed by this object */
  constructor(
    run: Run<FinetuneConfig>,
    length: RunLength,
    model: Classifier,
    source: Source | null,
  ) {
    this.#run = run;
    this.#length = length;
    this.#model = model;
    this.#source = source;
  }

  /** Accuracies of the last evaluation; null before the first. */
  get last(): FinetuneAccuracy | null {
    return this.#last;
  }

  get best(): BestModel | null {
    if (this.#best === null) return null;
    const { step, isAveraged } = this.#best;
    return { ...accuracyOf(this.#best), step, isAveraged };
  }

  get finalImages(): number {
    return (this.#run.config.ema === null ? 1 : 2) * (this.#source?.length ?? 0);
  }

  isDue(step: number): boolean {
    return isDue(this.#run.config.evaluateEveryEpochs, step, this.#length);
  }

  async finish(moment: EvaluationMoment): Promise<void> {
    if (this.#last?.step !== moment.step) await this.evaluate(moment);
  }

  /** Measures the model after a step and writes it to `best.safetensors` if it is the best so far. */
  async evaluate(
    { step, averages }: EvaluationMoment,
  ): Promise<Readonly<Record<string, number>>> {
    const source = this.#source;
    if (source === null) return {};
    const { on, listener, images } = this.#run;
    const counts = await this.#measure(source, step, false);
    const averagedCounts = await averages?.during(on, () => this.#measure(source, step, true));
    const own = accuracyOf(counts);
    const averaged = averagedCounts === undefined ? null : accuracyOf(averagedCounts);
    this.#last = { ...own, step, averaged };
    const { classes } = this.#model.config;
    const result = tellingMetrics({ ...own }, classes!);
    const confusion = confusionOf(images.source.classes, counts.confusion);
    listener({ type: "evaluation", step, name: "classifier", result, ...confusion });
    if (averaged !== null) {
      const result = tellingMetrics({ ...averaged }, classes!);
      listener({ type: "evaluation", step, name: "averaged", result });
    }
    // Either may be the best model.
    return {
      top1: Math.max(own.top1, averaged?.top1 ?? 0),
      top5: Math.max(own.top5, averaged?.top5 ?? 0),
    };
  }

  /** Counts the current model's correct predictions; keeps the model if it is the best so far. */
  async #measure(source: Source, step: number, isAveraged: boolean): Promise<ClassificationCounts> {
    const { on, listener, config: { augment, data }, images, writeModel } = this.#run;
    const model = this.#model;
    const counts = await countCorrect(on, model, source, model.config.classes!, {
      data,
      transform: { ...evaluationTransform(augment), edge: augment.testResize },
      normalization: normalizations[augment.normalization],
      listener,
      communicator: communicatorOf(on),
      what: `Evaluating ${metricName(isAveraged ? "averaged" : "classifier")}: test images`,
    });
    // The best is decided by the metric that may stop the run.
    const key = this.#run.config.evaluation.stop?.metric === "top5" ? "correctFive" : "correct";
    if (this.#best === null || counts[key] > this.#best[key]) {
      const { correct, correctFive, images: count } = counts;
      this.#best = { correct, correctFive, images: count, step, isAveraged };
      await writeModel(bestModelFile, toTensors(await model.parameters.export()), {
        "mimic.shape": JSON.stringify(model.config),
        "mimic.classes": JSON.stringify(images.source.classes),
        "mimic.best": JSON.stringify(this.best),
      });
    }
    return counts;
  }

  /** The best so far for a checkpoint. */
  export(): Map<string, NamedValues> {
    const best = this.#best;
    const values = best === null
      ? []
      : [best.correct, best.correctFive, best.images, best.step, best.isAveraged ? 1 : 0];
    return new Map([["best", { shape: [values.length], values: Float32Array.from(values) }]]);
  }

  /** Continues from what {@link FinetuneEvaluation.export} returned. */
  load(values: ReadonlyMap<string, NamedValues>): void {
    const [correct, correctFive, images, step, isAveraged] = values.get("best")?.values ?? [];
    if (step === undefined) return;
    this.#best = { correct, correctFive, images, step, isAveraged: isAveraged === 1 };
  }

  close(): void {
    this.#source?.close?.();
  }
}
