/**
 * The accuracy of every classifier in a probe, and the rank of the features of the best.
 *
 * @module
 */

import { tf } from "../../deps/tfjs.ts";
import { communicatorOf } from "../../backends/backend.ts";
import type { LinearProbeConfig } from "./config.ts";
import { metricName, tellingMetrics } from "../../core/metric_names.ts";
import type { Source } from "../../data/sources/source.ts";
import { subsetOf } from "../../data/sources/subset.ts";
import { countOverRanks } from "../../distributed/reduce_values.ts";
import type { BeitEncoder } from "../../models/beit_encoder.ts";
import { extractFeatures } from "../../models/features.ts";
import { type LinearProbes, placeName, type ProbePlace } from "../../models/linear_probes.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { rankOfLabel } from "../../pipeline/evaluation/classification.ts";
import { batchesOf, collectFeatures } from "../../pipeline/evaluation/collect_features.ts";
import { rankMe, spreadIndices } from "../../pipeline/evaluation/rank_me.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { evaluationTransform } from "../../pipeline/images/transforms.ts";
import type { Evaluation, EvaluationMoment, Run } from "../../pipeline/engine/method.ts";

/** The accuracy of one classifier, in [0, 1]. */
export interface ProbeAccuracy extends ProbePlace {
  /** Share of images whose class comes first. */
  readonly top1: number;
  /** Share of images whose class is among the first five. */
  readonly top5: number;
}

/** The classifier with the most correct answers; the first of several. */
export function bestOf(layers: readonly ProbeAccuracy[]): ProbeAccuracy | null {
  return layers.reduce<ProbeAccuracy | null>(
    (best, other) => best === null || other.top1 > best.top1 ? other : best,
    null,
  );
}

/** Measures the classifiers at the end of a probe. */
export class ProbeEvaluation implements Evaluation {
  readonly #run: Pick<Run<LinearProbeConfig>, "config" | "on" | "listener">;
  readonly #encoder: BeitEncoder;
  readonly #probes: LinearProbes;
  readonly #test: Source;
  #layers: readonly ProbeAccuracy[] = [];
  #rankMe: number | null = null;

  constructor(
    run: Pick<Run<LinearProbeConfig>, "config" | "on" | "listener">,
    encoder: BeitEncoder,
    probes: LinearProbes,
    test: Source,
  ) {
    this.#run = run;
    this.#encoder = encoder;
    this.#probes = probes;
    this.#test = test;
  }

  /** Every classifier; empty until the end. */
  get layers(): readonly ProbeAccuracy[] {
    return this.#layers;
  }

  /** RankMe of the test images' features that the best classifier sees; null until the end. */
  get rankMe(): number | null {
    return this.#rankMe;
  }

  get finalImages(): number {
    return this.#test.length + spreadIndices(this.#test.length).length;
  }

  isDue(): boolean {
    return false;
  }

  evaluate(): Promise<Record<string, number>> {
    return Promise.resolve({});
  }

  async finish({ step }: EvaluationMoment): Promise<void> {
    this.#layers = await this.#measure(step);
    const best = bestOf(this.#layers);
    if (best !== null) this.#rankMe = await this.#measureRank(best, step);
  }

  /** In a second pass, because the features of all places would not fit into memory. */
  async #measureRank(place: ProbePlace, step: number): Promise<number> {
    const { config: { augment, data }, on, listener } = this.#run;
    const [set] = await collectFeatures(
      on,
      subsetOf(this.#test, spreadIndices(this.#test.length)),
      (on, { pixels, size, imageSize }) => {
        const input = imageTensor(pixels, size, imageSize, normalizations[augment.normalization]);
        const features = extractFeatures(on, this.#encoder, input, this.#probes.requests);
        return [this.#probes.inputOf(place, features)];
      },
      {
        data,
        transform: evaluationTransform(augment),
        listener,
        communicator: communicatorOf(on),
        what: `Evaluating the ${metricName("rankMe")} of the best: test images`,
      },
    );
    const value = rankMe(set);
    listener({ type: "evaluation", step, name: "features", result: { rankMe: value } });
    return value;
  }

  async #measure(step: number): Promise<ProbeAccuracy[]> {
    const { config: { augment, data }, on, listener } = this.#run;
    const probes = this.#probes;
    const { places, classes } = probes.config;
    const counts = places.map(() => ({ first: 0, firstFive: 0 }));
    let images = 0;
    const transform = evaluationTransform(augment);
    const communicator = communicatorOf(on);
    const what = "Evaluating every classifier: test images";
    const reading = { data, transform, listener, communicator, what };
    for await (const batch of batchesOf(this.#test, reading)) {
      const { pixels, size, imageSize, labels } = batch;
      const scores = on.backend.run(() =>
        tf.tidy(() => {
          const input = imageTensor(pixels, size, imageSize, normalizations[augment.normalization]);
          const features = extractFeatures(on, this.#encoder, input, probes.requests);
          return tf.stack(probes.logits(on, features, false));
        })
      );
      const values = await scores.data() as Float32Array;
      scores.dispose();
      for (const [place, count] of counts.entries()) {
        for (const [index, label] of labels.entries()) {
          const start = (place * size + index) * classes;
          const rank = rankOfLabel(values.subarray(start, start + classes), label);
          if (rank < 1) count.first++;
          if (rank < 5) count.firstFive++;
        }
      }
      images += size;
    }
    const [all, first, firstFive] = await countOverRanks(communicator, [
      Int32Array.of(images),
      Int32Array.from(counts, ({ first }) => first),
      Int32Array.from(counts, ({ firstFive }) => firstFive),
    ]);
    return places.map((place, index) => {
      const result = { top1: first[index] / all[0], top5: firstFive[index] / all[0] };
      const telling = tellingMetrics(result, classes);
      listener({ type: "evaluation", step, name: placeName(place), result: telling });
      return { ...place, ...result };
    });
  }
}
