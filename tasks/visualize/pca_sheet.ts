/**
 * Principal components of patch features as colours: what looks alike to a block.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import { concatFloats } from "../../core/concatenate.ts";
import { gridSize } from "../../models/beit_config.ts";
import { extractFeatures } from "../../models/features.ts";
import { principalComponents } from "../../models/principal_components.ts";
import { heatColor, smoothMap } from "../../report/heat_map.ts";
import type { PictureSheet } from "../../report/picture_sheet.ts";
import type { LoadedEncoder } from "../../pipeline/weights/load_encoder.ts";
import type { ShownImages } from "./shown_images.ts";

/** Components shown: one each for red, green and blue. */
const shown = 3;

/** Minimum side of a map in pixels: a few patches make no smooth picture. */
const leastSide = 160;

/** Shares of the values below and above the range covered by the colours. */
const [low, high] = [0.02, 0.98];

/** Patch features of all images, [rows, width]. */
async function patchFeatures(
  on: Context,
  { encoder }: LoadedEncoder,
  { batches }: ShownImages,
  layer: number,
): Promise<Float32Array> {
  const parts: Float32Array[] = [];
  for (const { tensor } of batches) {
    const [patches] = on.backend.run(() =>
      extractFeatures(on, encoder, tensor(), [{ layer, kind: "patches" }])
    );
    parts.push(Float32Array.from(await patches.data()));
    patches.dispose();
  }
  return concatFloats(parts);
}

/** Coordinates along the components, [shown][rows], and the share of variance in each. */
function project(features: Float32Array, width: number): {
  places: Float32Array[];
  shares: number[];
} {
  const { mean, components } = principalComponents(features, width, shown);
  const rows = features.length / width;
  const places = Array.from({ length: shown }, () => new Float32Array(rows));
  let total = 0;
  for (let row = 0; row < rows; row++) {
    for (let i = 0; i < width; i++) {
      const value = features[row * width + i] - mean[i];
      total += value * value;
      for (let k = 0; k < shown; k++) places[k][row] += value * components[k * width + i];
    }
  }
  const shares = places.map((values) =>
    total > 0 ? values.reduce((sum, value) => sum + value * value, 0) / total : 0
  );
  return { places, shares };
}

/** Values scaled to their range, ignoring outliers. */
function levels(values: Float32Array): Float32Array {
  const sorted = values.toSorted();
  const at = (share: number) => sorted[Math.round(share * (sorted.length - 1))];
  const [least, range] = [at(low), at(high) - at(low)];
  return values.map((value) => range > 0 ? Math.min(1, Math.max(0, (value - least) / range)) : 0.5);
}

/**
 * A row for each image: the image, its patches with the first three components as red, green and blue, and each
 * of them separately. The components are computed over all shown images together, so that a colour means the
 * same everywhere.
 */
export async function pcaSheet(
  on: Context,
  model: LoadedEncoder,
  images: ShownImages,
  layer: number,
): Promise<PictureSheet> {
  const { embedDim } = model.config;
  const grid = gridSize(model.config);
  const features = await patchFeatures(on, model, images, layer);
  const { places, shares } = project(features, embedDim);
  const colors = places.map(levels);
  const shown = images.batches.flatMap((batch) => batch.images);
  const rows = shown.map(({ id, picture }, index) => {
    const own = colors.map((levels) =>
      levels.subarray(index * grid * grid, (index + 1) * grid * grid)
    );
    const side = Math.max(picture.width, leastSide);
    const byte = (level: number) => Math.round(255 * level);
    return {
      id,
      caption: id,
      pictures: [
        picture,
        smoothMap(side, grid, own, ([r, g, b]) => [byte(r), byte(g), byte(b)]),
        ...own.map((levels) => smoothMap(side, grid, [levels], ([level]) => heatColor(level))),
      ],
    };
  });
  return {
    title: `Principal components of block ${layer}`,
    explanation: "The three directions in which the patches of these images differ most, as red, " +
      "green and blue, and separately with their share of the variance: the same colour means the same everywhere.",
    columns: [
      "image",
      "components 1 to 3 as colours",
      ...shares.map((share, index) => `component ${index + 1}, ${(100 * share).toFixed(1)} %`),
    ],
    rows,
    figures: Object.fromEntries(shares.map((share, index) => [`component${index + 1}`, share])),
  };
}
