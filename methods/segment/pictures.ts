/**
 * A segmentation model's output for a few whole images.
 *
 * @module
 */

import type { RgbImage } from "../../data/images/image.ts";
import { ignoredLabel, type LabelMap } from "../../data/sources/label_map.ts";
import { idColor, type PictureSheet, type Rgb } from "../../report/picture_sheet.ts";
import type { RgbPicture } from "../../report/png.ts";

/** An image with the class of each of its pixels. */
export interface LabelledImage {
  readonly id: string;
  readonly image: RgbImage;
  readonly labels: LabelMap;
}

/** What is shown. */
export interface SegmenterSubject {
  /** Number of images. */
  readonly length: number;
  /** null for an image that cannot be read. */
  read(index: number): Promise<LabelledImage | null>;
  /** The class of every pixel, at the image's own size. */
  predict(image: RgbImage): Promise<LabelMap>;
  /** A class in words. */
  className(label: number): string;
}

const shownImages = 9;
/** Classes in the legend. */
const namedClasses = 30;
/** For the first classes, of which the first is usually the background. */
const firstColors: readonly Rgb[] = [
  [88, 98, 110],
  [86, 160, 233],
  [230, 159, 0],
  [0, 158, 115],
  [204, 121, 167],
  [240, 228, 66],
  [213, 94, 0],
  [0, 114, 178],
];
const ignoredColor: Rgb = [24, 24, 24];

function labelColor(label: number): Rgb {
  return firstColors[label] ?? idColor(label);
}

function mapPicture({ width, height, data }: LabelMap): RgbPicture {
  const pixels = new Uint8Array(data.length * 3);
  for (const [at, label] of data.entries()) {
    pixels.set(label === ignoredLabel ? ignoredColor : labelColor(label), at * 3);
  }
  return { width, height, data: pixels };
}

/** Pixels with a label, and how many of them are correct. */
function countRight(labels: LabelMap, predicted: LabelMap): { right: number; labelled: number } {
  let [right, labelled] = [0, 0];
  for (const [at, label] of labels.data.entries()) {
    if (label === ignoredLabel) continue;
    labelled++;
    if (predicted.data[at] === label) right++;
  }
  return { right, labelled };
}

/** Images spread evenly over all of them. */
async function readImages({ length, read }: SegmenterSubject): Promise<LabelledImage[]> {
  const count = Math.min(shownImages, length);
  const places = Array.from({ length: count }, (_, i) => Math.floor((i + 0.5) * length / count));
  const images = await Promise.all(places.map(read));
  return images.filter((image) => image !== null);
}

/** Draws the pictures of a run that trains a segmentation model; images are read on the first call. */
export function segmentPictures(subject: SegmenterSubject): () => Promise<PictureSheet> {
  let images: LabelledImage[] | null = null;
  return async () => {
    images ??= await readImages(subject);
    const seen = new Set<number>();
    const rows: PictureSheet["rows"][number][] = [];
    let [allRight, allLabelled] = [0, 0];
    for (const { id, image, labels } of images) {
      const predicted = await subject.predict(image);
      const { right, labelled } = countRight(labels, predicted);
      allRight += right;
      allLabelled += labelled;
      for (const label of [...labels.data, ...predicted.data]) seen.add(label);
      const share = labelled === 0 ? 0 : right / labelled;
      rows.push({
        id,
        caption: `${(100 * share).toFixed(1)} % of the pixels correct · ${id}`,
        pictures: [image, mapPicture(labels), mapPicture(predicted)],
      });
    }
    seen.delete(ignoredLabel);
    const figures: Record<string, number> = allLabelled === 0
      ? {}
      : { aAcc: allRight / allLabelled };
    const classes = [...seen].sort((a, b) => a - b).slice(0, namedClasses);
    return {
      title: "Validation pictures",
      explanation: "The same validation images throughout the run: the class of each pixel " +
        "as labelled and as predicted. Pixels without a label are black.",
      columns: ["image", "labels", "prediction"],
      rows,
      legend: classes.map((label) => ({
        name: subject.className(label),
        color: labelColor(label),
      })),
      figures,
    };
  };
}
