/**
 * `knn`: how well the nearest neighbours of frozen features tell classes apart.
 *
 * @module
 */

import type { Source } from "../../data/source.ts";
import type { FeatureKind } from "../../models/features.ts";
import type { RunListener } from "../../pipeline/events.ts";
import { openEvaluationSource, openTrainingSource } from "../run/data_sources.ts";
import { knnAccuracies } from "../evaluation/knn.ts";
import { featuresOf, requireLayers } from "./features.ts";
import { type InferenceOptions, withInference } from "./inference.ts";
import { loadEncoder } from "./load_encoder.ts";
import { requireLabels, requireSameClasses } from "../run/require_labels.ts";

/** How to vote. */
export interface KnnTaskOptions extends InferenceOptions {
  /** Numbers of neighbours; default 20, 10, 100 and 200. The first is the headline. */
  readonly neighbours?: readonly number[] | undefined;
  /** Votes weigh exp(similarity ÷ this); default 0.07. */
  readonly temperature?: number | undefined;
  /** Block, from 0 or from the end; default −1, the last. */
  readonly layer?: number | undefined;
  /** Default the mean of the patch tokens: BEiT v2's cls token is trained for its codes only. */
  readonly token?: Exclude<FeatureKind, "patches"> | undefined;
}

/** Accuracies in [0, 1]. */
export interface KnnResult {
  /** Of the first number of neighbours. */
  readonly top1: number;
  readonly top5: number;
  readonly k: number;
  readonly results: readonly { readonly k: number; readonly top1: number; readonly top5: number }[];
  readonly layer: number;
  readonly token: string;
  readonly trainImages: number;
  readonly testImages: number;
  readonly classes: number;
}

const defaultNeighbours = [20, 10, 100, 200];

/**
 * The labelled images that a `data` section names, to learn from and to test on.
 *
 * @param given images of the caller's to learn from instead
 * @throws UserError where there are no labels, no test split, or other classes in it
 */
export async function openLabelled(
  data: Parameters<typeof openTrainingSource>[0],
  listener?: RunListener,
  given?: Source,
): Promise<{ train: Source; test: Source }> {
  const train = given ?? await openTrainingSource(data, listener);
  requireLabels(train, data.source);
  const test = await openEvaluationSource(data);
  requireSameClasses(train, test, data.evaluationSource ?? data.source);
  return { train, test };
}

/**
 * k-NN accuracy of a checkpoint's features on labelled images: cosine similarity, votes weighted by
 * exp(similarity ÷ temperature), as mmselfsup's `test_knn`.
 *
 * @throws UserError for a checkpoint, images or a layer that are not there, and for images without
 * labels
 *
 * @example Of a model that was hardly trained
 * ```ts
 * import { finetune } from "../../methods/classify/finetune.ts";
 * import { resolveConfig } from "../../configs/resolve.ts";
 * import { knn } from "./knn.ts";
 *
 * const folder = await Deno.makeTempDir();
 * for (const [name, grey] of [["dark", "!"], ["light", "~"]]) {
 *   for (const split of ["train", "val"]) {
 *     await Deno.mkdir(`${folder}/data/${split}/${name}`, { recursive: true });
 *     const image = `P5 4 4 255\n${grey.repeat(16)}`;
 *     await Deno.writeTextFile(`${folder}/data/${split}/${name}/0.pgm`, image);
 *   }
 * }
 * const { config } = await resolveConfig({
 *   task: "finetune",
 *   overrides: [
 *     `data.source=${folder}/data`, "data.workers=0", "batchSize=2", "schedule.steps=1",
 *     "model.embedDim=8", "model.heads=2", "model.depth=1", "backend.name=reference",
 *   ],
 * });
 * const checkpoint = `${folder}/run`;
 * await finetune(config, { directory: checkpoint });
 * const { top1 } = await knn({ checkpoint, backendName: "reference", neighbours: [1] });
 * if (!(top1 >= 0 && top1 <= 1)) throw new Error(`${top1}`);
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function knn(options: KnnTaskOptions): Promise<KnnResult> {
  const { neighbours = defaultNeighbours, temperature, layer = -1 } = options;
  const kind = options.token ?? "meanPatches";
  return await withInference(options, async (inference) => {
    const { checkpoint, imageSize, downloads } = options;
    const { train, test } = await openLabelled(
      inference.preparation.data,
      inference.listener,
    );
    const model = await loadEncoder(inference.on, checkpoint, {
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(downloads === undefined ? {} : { downloads }),
    });
    try {
      const [block] = requireLayers([layer], model.config.depth);
      const request = [{ layer: block, kind }];
      const [trainSet] = await featuresOf(inference, model, train, request);
      const [testSet] = await featuresOf(inference, model, test, request);
      const classes = train.classes.length;
      const accuracies = await knnAccuracies(
        inference.on,
        trainSet,
        testSet,
        classes,
        neighbours,
        temperature,
      );
      const results = accuracies.map((accuracy, index) => ({ k: neighbours[index], ...accuracy }));
      const [{ top1, top5, k }] = results;
      const images = { trainImages: trainSet.count, testImages: testSet.count };
      return { top1, top5, k, results, layer: block, token: kind, ...images, classes };
    } finally {
      model.dispose();
      train.close?.();
      test.close?.();
    }
  });
}
