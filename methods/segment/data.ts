/**
 * The images and label maps of a segmentation config.
 *
 * @module
 */

import type { SegmentConfig } from "./config.ts";
import { UserError } from "../../core/errors.ts";
import { createImageDecoder } from "../../data/images/decode.ts";
import { decodeLabels, type LabelOptions } from "../../data/sources/decode_labels.ts";
import { ignoredLabel, type LabelMap } from "../../data/sources/label_map.ts";
import { openAnnotated } from "../../data/sources/open_annotated.ts";
import type { SegmentationTransform } from "../../data/augment/segmentation_transform.ts";
import { shapeNames, shapesSource } from "../../data/sources/shapes_source.ts";
import type { Source } from "../../data/sources/source.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";
import { UnreadableImages } from "./unreadable.ts";

type DataConfig = SegmentConfig["data"];

/** The generated images of `data.source=shapes`: how many, and their seed. */
const shapes = { train: [400, 1], test: [100, 2] } as const;

/** Opens the training images; `shapes` are the generated ones. */
export function openAnnotatedTraining({ source, split, exclude }: DataConfig): Source {
  if (source === "shapes") return shapesSource(...shapes.train);
  return openAnnotated(source, split ?? "train", exclude);
}

/** Opens the evaluation images; a `UserError` if there are none. */
export function openAnnotatedTest(data: DataConfig): Source {
  const source = data.evaluationSource ?? data.source;
  if (source === "shapes") return shapesSource(...shapes.test);
  return openAnnotated(source, data.evaluationSplit ?? "val", data.exclude);
}

/** Names of the classes by label, if known: those of the generated images. */
export function labelName({ data }: SegmentConfig, label: number): string {
  return data.source === "shapes" ? shapeNames[label] ?? `${label}` : `${label}`;
}

/** The label map of an image. */
export async function readLabels(
  source: Source,
  index: number,
  options: LabelOptions,
): Promise<LabelMap> {
  const { annotations } = source;
  if (annotations === undefined) {
    const { id, path = id } = source.entry(index);
    throw new UserError(`Cannot segment "${path}": it has no label map`);
  }
  const { id, path = id } = annotations.entry(index);
  return await decodeLabels(await annotations.read(index), path, options);
}

/**
 * The number of classes: the config's, or one more than the largest label in all label maps.
 *
 * @throws UserError if no pixel has a label
 */
export async function segmentClasses(config: SegmentConfig, source: Source): Promise<number> {
  const { classes, reduceZeroLabel } = config.segmentation;
  if (classes !== "auto") return classes;
  const options = {
    decoder: await createImageDecoder(),
    isReduced: reduceZeroLabel,
    maxPixels: config.data.maxPixels,
  };
  // The loader will report what is skipped.
  const unreadable = new UnreadableImages(config.data, () => {});
  let largest = -1;
  for (let index = 0; index < source.length; index++) {
    const { id } = source.entry(index);
    const map = await unreadable.attempt(id, () => readLabels(source, index, options));
    for (const label of map?.data ?? []) {
      if (label !== ignoredLabel && label > largest) largest = label;
    }
  }
  if (largest < 0) {
    throw new UserError(
      `Cannot count the classes of "${config.data.source}": no pixel has a label`,
      { hint: `the label maps contain nothing but ${reduceZeroLabel ? "0 or 255" : "255"}` },
    );
  }
  if (largest === 0) {
    throw new UserError(
      `Cannot learn classes from "${config.data.source}": every labelled pixel has class 0`,
      { hint: "label at least two classes" },
    );
  }
  return largest + 1;
}

/** A config's training view. */
export function segmentTransform(config: SegmentConfig): SegmentationTransform {
  const { augment, segmentation } = config;
  const [r, g, b] = normalizations[augment.normalization].mean.map(Math.round);
  return {
    kind: "segmentation",
    size: augment.size,
    edges: augment.resize,
    ratio: augment.resizeRatio,
    maxClassShare: augment.maxClassShare,
    flip: augment.flip,
    isDistorted: augment.photometricDistortion,
    isReduced: segmentation.reduceZeroLabel,
    fill: [r, g, b],
  };
}
