/**
 * How good an encoder's features are: k-NN and linear accuracy on labelled images, and their rank.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../backends/backend.ts";
import type { TwoViewAugment } from "../../configs/sections/data.ts";
import type { EvaluationConfig } from "../../configs/sections/run.ts";
import type { RunConfig } from "../../configs/task.ts";
import { UserError } from "../../core/errors.ts";
import { metricName, tellingMetrics } from "../../core/metric_names.ts";
import type { Source } from "../../data/sources/source.ts";
import { subsetOf } from "../../data/sources/subset.ts";
import type { BeitEncoder } from "../../models/beit_encoder.ts";
import { extractFeatures, type FeatureKind } from "../../models/features.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { RunListener } from "../engine/events.ts";
import { imageTensor } from "../tokenize.ts";
import { openEvaluationSource, openTrainingSource } from "../images/data_sources.ts";
import { classMismatch } from "../images/require_labels.ts";
import { normalizations } from "../images/normalizations.ts";
import { evaluationTransform } from "../images/transforms.ts";
import { collectFeatures } from "./collect_features.ts";
import { knnAccuracy } from "./knn.ts";
import { linearAccuracy } from "./linear.ts";
import { rankMeOfSome, spreadIndices } from "./rank_me.ts";

/** A config whose features are evaluated. */
export interface EvaluatedConfig extends RunConfig {
  readonly augment: TwoViewAugment;
  readonly evaluation: EvaluationConfig;
}

type Pooling = EvaluationConfig["knn"]["pooling"];

/** Turns a batch of images into features [B, C] on the device. */
export type Featurize = (on: Context, batch: LoadedBatch) => Tensor;

/** The images of an evaluation. */
export interface EvaluationData {
  readonly train: Source;
  /** Null without labels: accuracies cannot be measured. */
  readonly test: Source | null;
  readonly classes: number;
}

/** The images of an evaluation that have labels. */
export interface LabelledData extends EvaluationData {
  readonly test: Source;
}

/** What is measured of features. */
export interface Measures {
  readonly knn: boolean;
  readonly linear: boolean;
  readonly rankMe: boolean;
}

/** The images that a config evaluates on, or why there are none (no labels, no second split). */
export async function openEvaluationData(
  config: EvaluatedConfig,
): Promise<LabelledData | { readonly reason: string }> {
  const train = await openTrainingSource(config.data);
  if (train.classes.length < 2) return { reason: "the images have no class labels" };
  try {
    const test = await openEvaluationSource(config.data);
    const { evaluationSource, source } = config.data;
    const mismatch = classMismatch(train, test, evaluationSource ?? source);
    if (mismatch !== null) return { reason: `${mismatch.message}; ${mismatch.hint}` };
    return { train, test, classes: train.classes.length };
  } catch (error) {
    if (error instanceof UserError) return { reason: error.message };
    throw error;
  }
}

/** Features of an encoder's last block. */
export function encoderFeatures(
  encoder: BeitEncoder,
  config: EvaluatedConfig,
  pooling: Pooling,
): Featurize {
  const normalization = normalizations[config.augment.normalization];
  const kinds: FeatureKind[] = pooling === "clsAndMean" ? ["cls", "meanPatches"] : [pooling];
  return (on, { pixels, size, imageSize }) => {
    const images = imageTensor(pixels, size, imageSize, normalization);
    const parts = extractFeatures(on, encoder, images, kinds.map((kind) => ({ layer: -1, kind })));
    return parts.length === 1 ? parts[0] : tf.concat(parts, 1);
  };
}

/** The pixels themselves, [B, S·S·3] in [0, 1]: what features have to beat. */
export const rawPixels: Featurize = (_, { pixels, size }) =>
  tf.tensor2d(Float32Array.from(pixels, (byte) => byte / 255), [size, pixels.length / size]);

/**
 * Accuracies in [0, 1] by name: `knnTop1`, `knnTop5`, `linearTop1`, `linearTop5`; without the top-5 ones if
 * there are fewer than six classes, which would make them meaningless. `rankMe` is that of the features that
 * k-NN compares.
 *
 * @param what is evaluated, in words, for the progress lines
 */
export async function evaluateFeatures(
  on: Context,
  config: EvaluatedConfig,
  data: EvaluationData,
  featurize: (pooling: Pooling) => Featurize,
  which: Measures,
  { listener, what }: { readonly listener: RunListener; readonly what: string },
): Promise<Record<string, number>> {
  const { knn, linear } = config.evaluation;
  const reading = {
    data: config.data,
    transform: evaluationTransform(config.augment),
    listener,
    communicator: communicatorOf(on),
  };
  const collect = async (pooling: Pooling) => {
    const of = featurize(pooling);
    const one: Parameters<typeof collectFeatures>[2] = (on, batch) => [of(on, batch)];
    const take = async (source: Source, images: string) => {
      const telling = { ...reading, what: `Evaluating ${what}: ${images} images` };
      return (await collectFeatures(on, source, one, telling))[0];
    };
    const hasLabels = data.test !== null && (which.knn || which.linear);
    const train = hasLabels ? data.train : subsetOf(data.train, spreadIndices(data.train.length));
    return {
      train: await take(train, "training"),
      test: hasLabels ? await take(data.test, "test") : null,
    };
  };
  const tell = (what: string) => (done: number, total: number) =>
    listener({ type: "progress", what, done, total });
  const result: Record<string, number> = {};
  let features = await collect(which.knn || which.rankMe ? knn.pooling : linear.pooling);
  if (which.rankMe) result.rankMe = rankMeOfSome(features.train);
  if (which.knn && features.test !== null) {
    const onProgress = tell(`Evaluating ${what}: ${metricName("knnTop1")}`);
    const options = { neighbours: knn.k, temperature: knn.temperature, onProgress };
    const { top1, top5 } = await knnAccuracy(
      on,
      features.train,
      features.test,
      data.classes,
      options,
    );
    Object.assign(result, { knnTop1: top1, knnTop5: top5 });
  }
  if (which.linear && data.test !== null) {
    const isOther = (which.knn || which.rankMe) && knn.pooling !== linear.pooling;
    if (isOther) features = await collect(linear.pooling);
    const { top1, top5 } = await linearAccuracy(
      on,
      features.train,
      features.test!,
      data.classes,
      tell(`Evaluating ${what}: ${metricName("linearTop1")} classifier`),
    );
    Object.assign(result, { linearTop1: top1, linearTop5: top5 });
  }
  return tellingMetrics(result, data.classes);
}
