/**
 * Accuracy during fine-tuning, and the best model so far.
 *
 * @module
 */

import { communicatorOf } from "../../backends/backend.ts";
import type { FinetuneConfig } from "../../configs/schema.ts";
import { UserError } from "../../core/errors.ts";
import type { Source } from "../../data/source.ts";
import type { Classifier } from "../../models/classifier.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import type { WeightAverage } from "../../pipeline/average.ts";
import { openEvaluationSource } from "../../tasks/run/data_sources.ts";
import { type ClassificationCounts, countCorrect } from "../../tasks/evaluation/classification.ts";
import type { Accuracy } from "../../tasks/evaluation/knn.ts";
import { requireSameClasses } from "../../tasks/run/require_labels.ts";
import { normalizations } from "../../tasks/run/normalizations.ts";
import type { RunSession } from "../engine/session.ts";
import { evaluationTransform } from "../../tasks/run/transforms.ts";

/** Accuracies after a step. */
export interface FinetuneAccuracy extends Accuracy {
  readonly step: number;
  /** Of the moving average of the weights, where there is one. */
  readonly averaged: Accuracy | null;
}

/** The best model so far; the weights or their average, whichever were better. */
export interface BestModel extends Accuracy {
  readonly step: number;
  readonly isAveraged: boolean;
}

/** The name of the best model's file in the run's directory. */
export const bestModelFile = "best.safetensors";

/** The best model so far as it is kept: whole numbers, which a checkpoint holds exactly. */
type BestCounts = Omit<ClassificationCounts, "confusion"> & Pick<BestModel, "step" | "isAveraged">;

function accuracyOf({ correct, correctFive, images }: Omit<ClassificationCounts, "confusion">) {
  return { top1: correct / images, top5: correctFive / images };
}

/** What is measured. */
interface Subject {
  readonly model: Classifier;
  readonly averages: WeightAverage | null;
}

/** Measures a classifier on the evaluation split and keeps the best. */
export class FinetuneEvaluation {
  readonly #config: FinetuneConfig;
  readonly #session: RunSession;
  readonly #source: Source | null;
  readonly #classNames: readonly string[];
  #best: BestCounts | null = null;
  #last: FinetuneAccuracy | null = null;

  private constructor(
    config: FinetuneConfig,
    session: RunSession,
    source: Source | null,
    classNames: readonly string[],
  ) {
    this.#config = config;
    this.#session = session;
    this.#source = source;
    this.#classNames = classNames;
  }

  /**
   * Opens the evaluation split; says so where there is none.
   *
   * @param trained the images to train on
   */
  static async open(
    config: FinetuneConfig,
    session: RunSession,
    trained: Pick<Source, "classes" | "split">,
  ): Promise<FinetuneEvaluation> {
    let source: Source | null = null;
    try {
      source = await openEvaluationSource(config.data);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      session.listener({
        type: "warning",
        kind: "noEvaluation",
        message: `No evaluation: ${error.message}`,
      });
    }
    if (source !== null) {
      requireSameClasses(trained, source, config.data.evaluationSource ?? config.data.source);
    }
    return new FinetuneEvaluation(config, session, source, trained.classes);
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

  /** Whether there is anything to evaluate on. */
  get isPossible(): boolean {
    return this.#source !== null;
  }

  /** Measures the model after a step and writes it to `best.safetensors` where it is the best so far. */
  async evaluate({ model, averages }: Subject, step: number): Promise<void> {
    if (this.#source === null) return;
    const { on, listener } = this.#session;
    const own = await this.#measure(model, this.#source, step, false);
    const averaged = await averages?.during(
      on,
      () => this.#measure(model, this.#source!, step, true),
    ) ?? null;
    this.#last = { ...own, step, averaged };
    listener({ type: "evaluation", step, name: "classifier", result: { ...own } });
    if (averaged !== null) {
      listener({ type: "evaluation", step, name: "averaged", result: { ...averaged } });
    }
  }

  /** Accuracy of the model as it is now; it is kept where it is the best so far. */
  async #measure(
    model: Classifier,
    source: Source,
    step: number,
    isAveraged: boolean,
  ): Promise<Accuracy> {
    const { augment, data } = this.#config;
    const { on, listener } = this.#session;
    const counts = await countCorrect(on, model, source, model.config.classes!, {
      data,
      transform: { ...evaluationTransform(augment), edge: augment.testResize },
      normalization: normalizations[augment.normalization],
      listener,
      communicator: communicatorOf(on),
    });
    if (this.#best === null || counts.correct > this.#best.correct) {
      const { correct, correctFive, images } = counts;
      this.#best = { correct, correctFive, images, step, isAveraged };
      await this.#session.writeModel(bestModelFile, await model.parameters.export(), {
        "mimic.shape": JSON.stringify(model.config),
        "mimic.classes": JSON.stringify(this.#classNames),
        "mimic.best": JSON.stringify(this.best),
      });
    }
    return accuracyOf(counts);
  }

  /** The best so far for a checkpoint. */
  export(): Map<string, NamedValues> {
    const best = this.#best;
    const values = best === null
      ? []
      : [best.correct, best.correctFive, best.images, best.step, best.isAveraged ? 1 : 0];
    return new Map([["best", { shape: [values.length], values: Float32Array.from(values) }]]);
  }

  /** Goes on from what {@link FinetuneEvaluation.export} gave. */
  load(values: ReadonlyMap<string, NamedValues>): void {
    const [correct, correctFive, images, step, isAveraged] = values.get("best")?.values ?? [];
    if (step === undefined) return;
    this.#best = { correct, correctFive, images, step, isAveraged: isAveraged === 1 };
  }

  close(): void {
    this.#source?.close?.();
  }
}
