/**
 * `knn`: how well the nearest neighbours of frozen features distinguish classes.
 *
 * @module
 */

import type { Context } from "../backends/backend.ts";
import { Generator } from "../core/generator.ts";
import type { Source } from "../data/sources/source.ts";
import type { BeitConfig } from "../models/beit_config.ts";
import { BeitEncoder, encoderSpecs } from "../models/beit_encoder.ts";
import { extractFeatures, type FeatureKind, requireLayers } from "../models/features.ts";
import { initialiseBeit } from "../models/initialise.ts";
import { ParameterSet } from "../models/parameter_set.ts";
import type { RunListener } from "../pipeline/engine/events.ts";
import { imageTensor } from "../pipeline/tokenize.ts";
import { openLabelled } from "../pipeline/images/open_labelled.ts";
import { runConfig } from "../pipeline/images/preparation.ts";
import { collectFeatures } from "../pipeline/evaluation/collect_features.ts";
import { rawPixels } from "../pipeline/evaluation/evaluate_features.ts";
import { knnAccuracies } from "../pipeline/evaluation/knn.ts";
import { readingOf } from "./features.ts";
import { type InferenceOptions, withInference } from "./inference.ts";
import { type LoadedEncoder, loadEncoder } from "../pipeline/weights/load_encoder.ts";

/** How to vote. */
export interface KnnTaskOptions extends InferenceOptions {
  /** Numbers of neighbours; default: 20, 10, 100 and 200. The first is the headline result. */
  readonly neighbours?: readonly number[] | undefined;
  /** Votes are weighted by exp(similarity ÷ this); default: 0.07. */
  readonly temperature?: number | undefined;
  /** Block, from 0 or from the end; default: −1, the last. */
  readonly layer?: number | undefined;
  /** Default: the mean of the patch tokens. BEiT v2's cls token is trained only for its codes. */
  readonly token?: Exclude<FeatureKind, "patches"> | undefined;
  /** Whether to measure the untrained network and raw pixels too; default: true. */
  readonly baselines?: boolean | undefined;
}

/** Accuracies in [0, 1] for one number of neighbours. */
export interface KnnAccuracy {
  /** Number of neighbours. */
  readonly k: number;
  /** Share of test images whose class wins the vote. */
  readonly top1: number;
  /** Share of test images whose class is among the first five. */
  readonly top5: number;
}

/** Accuracies in [0, 1]. */
export interface KnnResult {
  /** Of the first number of neighbours. */
  readonly top1: number;
  /** Like `top1`, for the first five classes. */
  readonly top5: number;
  /** That number of neighbours. */
  readonly k: number;
  /** The accuracies for every number of neighbours. */
  readonly results: readonly KnnAccuracy[];
  /**
   * The same for the network before training (`untrained`) and for raw pixels (`pixels`), as far as they were
   * measured.
   */
  readonly baselines: Readonly<Record<string, readonly KnnAccuracy[]>>;
  /** The block whose features were used, from 0. */
  readonly layer: number;
  /** Which tokens: the class token or the mean of the patch tokens. */
  readonly token: string;
  /** Images that vote. */
  readonly trainImages: number;
  /** Images that are classified. */
  readonly testImages: number;
  /** Number of classes. */
  readonly classes: number;
}

const defaultNeighbours = [20, 10, 100, 200];

/**
 * k-NN accuracy of a checkpoint's features on labelled images: cosine similarity, votes weighted by
 * exp(similarity ÷ temperature), as mmselfsup's `test_knn`.
 *
 * @throws UserError for a missing checkpoint, missing images, a layer that does not exist, or
 * images without labels
 *
 * @example For a barely trained model
 * ```ts
 * import { finetune } from "../methods/classify/method.ts";
 * import { resolveConfig } from "../methods/configs.ts";
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
  const { neighbours = defaultNeighbours, temperature, layer = -1, baselines = true } = options;
  const kind = options.token ?? "meanPatches";
  return await withInference(options, async (inference) => {
    const { checkpoint, imageSize, downloads } = options;
    const { on, listener } = inference;
    const { train, test } = await openLabelled(inference.preparation.data, listener);
    const model = await loadEncoder(on, checkpoint, {
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(downloads === undefined ? {} : { downloads }),
    });
    const untrained = baselines ? createUntrained(on, checkpoint, model.config) : null;
    try {
      const [block] = requireLayers([layer], model.config.depth);
      const request = [{ layer: block, kind }];
      const images = train.length + test.length;
      const takesPixels = baselines && fitsPixels(images, model.config.imageSize, listener);
      const places = [
        "model",
        ...untrained === null ? [] : ["untrained"],
        ...takesPixels ? ["pixels"] : [],
      ];
      const { normalization } = inference.preparation;
      // A single pass over the images: reading them is much of the work.
      const featurize: Featurize = (on, batch) => {
        const input = imageTensor(batch.pixels, batch.size, batch.imageSize, normalization);
        return [
          ...extractFeatures(on, model.encoder, input, request),
          ...untrained === null ? [] : extractFeatures(on, untrained.encoder, input, request),
          ...takesPixels ? [rawPixels(on, batch)] : [],
        ];
      };
      const reading = readingOf(inference, model.config.imageSize);
      const collect = (source: Source, images: string) => {
        const what = `Features of the ${images} images`;
        return collectFeatures(on, source, featurize, { ...reading, what });
      };
      const trainSets = await collect(train, "training");
      const testSets = await collect(test, "test");
      const classes = train.classes.length;
      const results: Record<string, KnnAccuracy[]> = {};
      for (const [index, place] of places.entries()) {
        const found = await knnAccuracies(
          on,
          trainSets[index],
          testSets[index],
          classes,
          neighbours,
          temperature,
          (done, total) => listener({ type: "progress", what: "k-NN", done, total }),
        );
        results[place] = found.map((accuracy, at) => ({ k: neighbours[at], ...accuracy }));
      }
      const { model: own, ...others } = results;
      const counts = { trainImages: trainSets[0].count, testImages: testSets[0].count, classes };
      return { ...own[0], results: own, baselines: others, layer: block, token: kind, ...counts };
    } finally {
      untrained?.dispose();
      model.dispose();
      train.close?.();
      test.close?.();
    }
  });
}

type Featurize = Parameters<typeof collectFeatures>[2];

/** Size in bytes up to which pixels are measured as features. */
const mostPixelBytes = 4e9;

/** Whether the pixels of all images fit in memory as features; says so if they do not. */
function fitsPixels(images: number, imageSize: number, listener: RunListener): boolean {
  const bytes = images * 3 * imageSize ** 2 * 4;
  if (bytes <= mostPixelBytes) return true;
  const message = `Raw pixels are not measured: those of ${images} images would take ` +
    `${Math.round(bytes / 1e9)} GB`;
  listener({ type: "note", message });
  return false;
}

/** The network before training: as its run initialised it, if known, otherwise with BEiT's initialisation. */
function createUntrained(on: Context, checkpoint: string, config: BeitConfig): LoadedEncoder {
  const stored = runConfig(checkpoint);
  // The config of a run that starts from another says how its heads are initialised, but not the encoder.
  const isPretraining = stored?.task === "pretrain" && (stored.pretrained ?? null) === null;
  const initVariant = (isPretraining ? stored.model?.initVariant : undefined) ?? config.initVariant;
  const generator = Generator.from(stored?.seed ?? 0).split("model");
  const specs = encoderSpecs(config, { hasMaskToken: false });
  const initialise = initialiseBeit({ ...config, initVariant }, generator);
  const parameters = ParameterSet.create(on, specs, initialise);
  const encoder = new BeitEncoder(on, config, parameters);
  return {
    encoder,
    config,
    parameters,
    dispose() {
      encoder.dispose();
      parameters.dispose();
    },
  };
}
