/**
 * `features`: images → vectors from any blocks, in a safetensors or Parquet file.
 *
 * @module
 */

import { writeParquet } from "../checkpoints/tensors/parquet_writer.ts";
import { communicatorOf } from "../backends/backend.ts";
import { writeSafetensors } from "../checkpoints/safetensors/safetensors_writer.ts";
import type { TensorData } from "../checkpoints/tensors/tensor_data.ts";
import { openImages } from "../data/sources/image_files.ts";
import type { SourceOptions } from "../data/sources/source_options.ts";
import type { Source } from "../data/sources/source.ts";
import { gridSize } from "../models/beit_config.ts";
import {
  extractFeatures,
  type FeatureKind,
  type FeatureRequest,
  requireLayers,
} from "../models/features.ts";
import { imageTensor } from "../pipeline/tokenize.ts";
import { collectFeatures, type CollectOptions } from "../pipeline/evaluation/collect_features.ts";
import type { FeatureSet } from "../pipeline/evaluation/features.ts";
import { type Inference, type InferenceOptions, withInference } from "./inference.ts";
import { type LoadedEncoder, loadEncoder } from "../pipeline/weights/load_encoder.ts";
import { tellOf } from "../pipeline/images/data_sources.ts";
import { testTransform } from "../pipeline/images/preparation.ts";

/** Which features of which images. */
export interface FeaturesOptions extends InferenceOptions {
  /** Image files, or a single folder or archive; or the caller's own source. */
  readonly images: readonly string[] | Source;
  /** Split of the folder or archive, such as `val`; default: `train` if there are splits. */
  readonly split?: string | undefined;
  /** Blocks from 0, or from the end with −1; default: the last. */
  readonly layers?: readonly number[] | undefined;
  /** Default: the mean of the patch tokens. */
  readonly tokens?: readonly FeatureKind[] | undefined;
  /** The file to write: Parquet if it ends in `.parquet`, otherwise safetensors. */
  readonly out: string;
}

/** What was written. */
export interface FeaturesResult {
  /** The file or folder that was written. */
  readonly out: string;
  /** Number of images. */
  readonly images: number;
  /** Number of classes; 0 without labels. */
  readonly classes: number;
  /** Shape of each tensor by its name in the file: `layer11.meanPatches`, … and `labels`. */
  readonly tensors: Readonly<Record<string, readonly number[]>>;
}

/** Features of a source, a set for each request. */
export async function featuresOf(
  inference: Inference,
  { encoder, config }: LoadedEncoder,
  source: Source,
  requests: readonly FeatureRequest[],
): Promise<FeatureSet[]> {
  const { on, preparation: { normalization } } = inference;
  return await collectFeatures(on, source, (on, { pixels, size, imageSize }) => {
    const images = imageTensor(pixels, size, imageSize, normalization);
    return extractFeatures(on, encoder, images, requests);
  }, { ...readingOf(inference, config.imageSize), what: "Taking features" });
}

/** How an inference task reads images, at its model's size. */
export function readingOf(
  { on, preparation, batch, listener }: Inference,
  imageSize: number,
): CollectOptions {
  return {
    data: preparation.data,
    transform: testTransform(preparation, imageSize),
    listener,
    batch,
    communicator: communicatorOf(on),
  };
}

function isSource(images: FeaturesOptions["images"]): images is Source {
  return "read" in images;
}

/**
 * Writes the features of images to a file. In safetensors: a float32 tensor `layer<i>.<token>` for each block
 * and token, [images, C] or, for `patches`, [images, patches, C]; `labels` int32 [images], −1 if there are
 * none; and, in the metadata, image ids and class names as JSON lists. In Parquet: a row for each image with
 * `id`, `label`, `class`, and lists of float32 under the same names.
 *
 * The blocks' outputs are written without a norm. All of them are held in memory until the file is written.
 *
 * @throws UserError for a missing checkpoint, missing images or a layer that does not exist
 */
export async function features(options: FeaturesOptions): Promise<FeaturesResult> {
  const { images, split, layers = [-1], tokens = ["meanPatches"], out } = options;
  return await withInference(options, async (inference) => {
    const { checkpoint, imageSize, downloads } = options;
    const from: SourceOptions = split === undefined ? {} : { split };
    const source = isSource(images)
      ? images
      : tellOf(await openImages(images, from), inference.listener);
    const model = await loadEncoder(inference.on, checkpoint, {
      ...(imageSize === undefined ? {} : { imageSize }),
      ...(downloads === undefined ? {} : { downloads }),
    });
    try {
      const { depth } = model.config;
      const requests = requireLayers(layers, depth).flatMap((layer) =>
        tokens.map((kind) => ({ layer, kind }))
      );
      const sets = await featuresOf(inference, model, source, requests);
      const tensors = toTensors(sets, requests, model.config);
      if (out.endsWith(".parquet")) await writeTable(out, tensors, sets[0], source, checkpoint);
      else await writeSafetensors(out, tensors, metadataOf(checkpoint, sets[0], source));
      return {
        out,
        images: sets[0].count,
        classes: source.classes.length,
        tensors: Object.fromEntries(tensors.map(([name, { shape }]) => [name, shape])),
      };
    } finally {
      model.dispose();
      if (!isSource(images)) source.close?.();
    }
  });
}

function toTensors(
  sets: readonly FeatureSet[],
  requests: readonly FeatureRequest[],
  config: LoadedEncoder["config"],
): [string, TensorData][] {
  const named = requests.map(({ layer, kind }, index): [string, TensorData] => {
    const { count, width, values } = sets[index];
    const shape = kind === "patches"
      ? [count, gridSize(config) ** 2, config.embedDim]
      : [count, width];
    return [`layer${layer}.${kind}`, { dtype: "F32", shape, data: values }];
  });
  const { count, labels } = sets[0];
  return [...named, ["labels", { dtype: "I32", shape: [count], data: labels }]];
}

async function writeTable(
  out: string,
  tensors: readonly (readonly [string, TensorData])[],
  { ids = [], labels }: FeatureSet,
  { classes }: Source,
  checkpoint: string,
): Promise<void> {
  const named = tensors.filter(([name]) => name !== "labels");
  await writeParquet(out, [
    ["id", ids],
    ["label", { dtype: "I32", shape: [ids.length], data: labels }],
    ["class", Array.from(labels, (label) => classes[label] ?? "")],
    ...named,
  ], { checkpoint });
}

function metadataOf(checkpoint: string, set: FeatureSet, source: Source): Record<string, string> {
  return {
    checkpoint,
    ids: JSON.stringify(set.ids),
    classes: JSON.stringify(source.classes),
  };
}
