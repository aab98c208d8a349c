/**
 * The rank of a tokenizer's features during and after its training.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../backends/backend.ts";
import type { Source } from "../../data/sources/source.ts";
import { subsetOf } from "../../data/sources/subset.ts";
import type { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import type { Evaluation, EvaluationMoment } from "../../pipeline/engine/method.ts";
import type { RunLength } from "../../pipeline/engine/schedule.ts";
import { isDue } from "../../pipeline/engine/training/due.ts";
import { collectFeatures } from "../../pipeline/evaluation/collect_features.ts";
import { rankMe, spreadIndices } from "../../pipeline/evaluation/rank_me.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { evaluationTransform } from "../../pipeline/images/transforms.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import type { TokenizerConfig } from "./config.ts";

/** What is measured, and on which images. */
interface Subject {
  readonly on: Context;
  readonly config: TokenizerConfig;
  /** The training images. */
  readonly source: Source;
  readonly listener: RunListener;
  readonly tokenizer: VqkdTokenizer;
  readonly length: RunLength;
}

/** Measures RankMe of the vectors that the codebook quantizes, one for each patch. */
export class CodeRank implements Evaluation {
  readonly #subject: Subject;
  #last: number | null = null;

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  /** The value at the end of the run; null if it was not measured there. */
  get last(): number | null {
    return this.#last;
  }

  get finalImages(): number {
    const { config, length, source } = this.#subject;
    const isMade = config.evaluation.rankMe.atEnd && length.totalSteps >= length.scheduleSteps;
    return isMade ? spreadIndices(source.length).length : 0;
  }

  isDue(step: number): boolean {
    const { config, length } = this.#subject;
    return isDue(config.evaluation.rankMe.every, step, length);
  }

  async evaluate({ step }: EvaluationMoment): Promise<Record<string, number>> {
    return { rankMe: await this.#measure(step) };
  }

  async finish(
    { step, isWhole }: EvaluationMoment & { readonly isWhole: boolean },
  ): Promise<void> {
    if (!isWhole || !this.#subject.config.evaluation.rankMe.atEnd) return;
    this.#last = await this.#measure(step);
  }

  async #measure(step: number): Promise<number> {
    const { on, config, source, listener, tokenizer } = this.#subject;
    const normalization = normalizations[config.augment.normalization];
    const [set] = await collectFeatures(
      on,
      subsetOf(source, spreadIndices(source.length)),
      (on, { pixels, size, imageSize }) => [
        // A row for each image, to keep its place in the order.
        tf.reshape(
          tokenizer.project(on, imageTensor(pixels, size, imageSize, normalization)).z,
          [size, -1],
        ),
      ],
      {
        data: config.data,
        transform: evaluationTransform(config.augment),
        listener,
        communicator: communicatorOf(on),
        what: "Evaluating this model: training images",
      },
    );
    const width = config.codebook.codeDim;
    const value = rankMe({ values: set.values, count: set.values.length / width, width });
    listener({ type: "evaluation", step, name: "features", result: { rankMe: value } });
    return value;
  }
}
