/**
 * How good frozen features are with few labels: k-NN and linear accuracy at each label fraction.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { Generator } from "../../core/generator.ts";
import type { Source } from "../../data/sources/source.ts";
import type { BeitEncoder } from "../../models/beit_encoder.ts";
import { extractFeatures } from "../../models/features.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { MaskedImageModel } from "../../models/masked_image_model.ts";
import type { RunListener } from "../../pipeline/engine/events.ts";
import { imageTensor, type PixelBatch } from "../../pipeline/tokenize.ts";
import { collectFeatures } from "../../pipeline/evaluation/collect_features.ts";
import type { FeatureSet } from "../../pipeline/evaluation/features.ts";
import { knnAccuracy } from "../../pipeline/evaluation/knn.ts";
import { linearAccuracy } from "../../pipeline/evaluation/linear.ts";
import { openLabelled } from "../../pipeline/images/open_labelled.ts";
import { labelSubset } from "../../pipeline/images/label_subset.ts";
import { loadEncoder } from "../../pipeline/weights/load_encoder.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { beitConfig } from "../../methods/beit/shape.ts";
import { evaluationTransform } from "../../pipeline/images/transforms.ts";

/** Accuracies in [0, 1] at one label fraction. */
export interface FeatureAccuracy {
  readonly labels: number;
  /** 20 neighbours on the mean of the patches' features: the last block's, or a teacher's. */
  readonly knn: number;
  /** A linear layer on the same features. */
  readonly linear: number;
  /** A linear layer on the cls token and the mean; missing if the model has no such token. */
  readonly linearClsAndMean?: number;
}

/** An encoder to evaluate. */
interface Frozen {
  readonly encoder: BeitEncoder;
  dispose(): void;
}

/** The network as initialised from a seed. */
function untrained(on: Context, config: PretrainConfig): Frozen {
  const shape = beitConfig(config);
  const generator = Generator.from(config.seed).split("model");
  const model = MaskedImageModel.create(on, shape, initialiseBeit(shape, generator));
  return { encoder: model.encoder, dispose: () => model.dispose() };
}

/** The rows of a set that remain at a label fraction. */
function takeLabelled(all: FeatureSet, source: Source, share: number, seed: number): FeatureSet {
  if (share >= 1) return all;
  const rowOf = new Map(all.ids!.map((id, row) => [id, row]));
  const subset = labelSubset(source, share, seed);
  const { width } = all;
  const values = new Float32Array(subset.length * width);
  const labels = new Int32Array(subset.length);
  for (let index = 0; index < subset.length; index++) {
    const { id, label } = subset.entry(index);
    const row = rowOf.get(id)!;
    values.set(all.values.subarray(row * width, (row + 1) * width), index * width);
    labels[index] = label;
  }
  return { values, labels, width, count: subset.length };
}

/**
 * Accuracies of features at each label fraction.
 *
 * @param rowsOf a batch → the features [B, W], and where there is a cls token, cls + mean
 */
export async function measureRows(
  on: Context,
  { data, augment, seed }: {
    readonly data: PretrainConfig["data"];
    readonly augment: Parameters<typeof evaluationTransform>[0];
    readonly seed: number;
  },
  labels: readonly number[],
  listener: RunListener,
  rowsOf: (on: Context, batch: PixelBatch) => readonly Tensor[],
): Promise<FeatureAccuracy[]> {
  const { train, test } = await openLabelled(data);
  try {
    const reading = { data, transform: evaluationTransform(augment), listener };
    const trainSets = await collectFeatures(on, train, rowsOf, reading);
    const testSets = await collectFeatures(on, test, rowsOf, reading);
    const classes = train.classes.length;
    const results: FeatureAccuracy[] = [];
    for (const share of labels) {
      const sets = trainSets.map((all) => takeLabelled(all, train, share, seed));
      const { top1: knn } = await knnAccuracy(on, sets[0], testSets[0], classes);
      const linear: number[] = [];
      for (const [which, rows] of sets.entries()) {
        linear.push((await linearAccuracy(on, rows, testSets[which], classes)).top1);
      }
      results.push({
        ...{ labels: share, knn, linear: linear[0] },
        ...(linear.length > 1 ? { linearClsAndMean: linear[1] } : {}),
      });
    }
    return results;
  } finally {
    train.close?.();
    test.close?.();
  }
}

/**
 * Accuracies of an encoder's features.
 *
 * @param checkpoint a pretraining run; null for the untrained network
 * @param labels fractions of the training labels; images are drawn with the config's seed, as in
 * fine-tuning
 */
export async function measureFeatures(
  on: Context,
  config: PretrainConfig,
  checkpoint: string | null,
  labels: readonly number[],
  listener: RunListener,
): Promise<FeatureAccuracy[]> {
  const frozen = checkpoint === null ? untrained(on, config) : await loadEncoder(on, checkpoint);
  try {
    const normalization = normalizations[config.augment.normalization];
    return await measureRows(on, config, labels, listener, (on, { pixels, size, imageSize }) => {
      const images = imageTensor(pixels, size, imageSize, normalization);
      const kinds = ["cls", "meanPatches"] as const;
      const requests = kinds.map((kind) => ({ layer: -1, kind }));
      const [cls, mean] = extractFeatures(on, frozen.encoder, images, requests);
      return [mean, tf.concat([cls, mean], 1)];
    });
  } finally {
    frozen.dispose();
  }
}
