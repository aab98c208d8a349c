/**
 * Histograms of oriented gradients as a teacher: no download, and hard to beat for small images.
 *
 * A patch's target describes what its neighbourhood looks like (principal components of the histograms of 5 × 5
 * cells, with the patch's mean colour) and, with less weight, what the whole image looks like. HOG as a target
 * for masked prediction comes from MaskFeat (arXiv 2112.09133).
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { linear } from "../../backends/ops/linear.ts";
import { UserError } from "../../core/errors.ts";
import type { NamedValues } from "../parameter_set.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import { cellColours, cellDim, cellHistograms, poolHistograms } from "./cell_histograms.ts";
import { type PrincipalComponents, principalComponents } from "../principal_components.ts";
import type { Teacher, TeacherImages } from "./teacher.ts";

/** Cells per side of a patch's neighbourhood. */
const neighbourhood = 5;
/** Cells per side of the whole image's histogram. */
const imageCells = 4;
const localDim = neighbourhood ** 2 * cellDim + 3;
const globalDim = imageCells ** 2 * cellDim;
/** Maximum number of rows that the components are fitted to: more only take longer. */
const mostSamples = 4096;

/** Sizes of the targets. */
export interface HogOptions {
  readonly imageSize: number;
  readonly patchSize: number;
  /** Principal components of a patch's neighbourhood. */
  readonly localComponents: number;
  /** Principal components of the whole image; 0 leaves them out. */
  readonly globalComponents: number;
  /** Length of the image part, relative to 1 for the neighbourhood. */
  readonly globalWeight: number;
}

/** The settings that did best in small pretraining runs. */
export const hogDefaults = {
  localComponents: 48,
  globalComponents: 64,
  globalWeight: 0.7,
} as const;

/** The fitted state, under the names used in a tokenizer's checkpoint. */
export type HogState = Map<string, NamedValues>;

/** `values[start … end − 1]` divided by their length, in place; nearly flat ones stay near zero. */
function normalise(values: Float32Array, start: number, end: number): void {
  let sum = 1e-4;
  for (let index = start; index < end; index++) sum += values[index] * values[index];
  const factor = 1 / Math.sqrt(sum);
  for (let index = start; index < end; index++) values[index] *= factor;
}

/** Descriptors for a batch of images: of all patches, and of the whole images. */
interface Descriptors {
  /** [B·cells², 678]. */
  readonly local: Float32Array;
  /** [B, 432]. */
  readonly global: Float32Array;
}

/** Writes a patch's neighbourhood of cells starting at `place`; cells beyond the border stay zero. */
function copyNeighbourhood(
  histograms: Float32Array,
  cells: number,
  y: number,
  x: number,
  target: Float32Array,
  place: number,
): void {
  const reach = (neighbourhood - 1) / 2;
  for (let ny = y - reach; ny <= y + reach; ny++) {
    for (let nx = x - reach; nx <= x + reach; nx++, place += cellDim) {
      if (ny < 0 || nx < 0 || ny >= cells || nx >= cells) continue;
      const cell = (ny * cells + nx) * cellDim;
      for (let bin = 0; bin < cellDim; bin++) target[place + bin] = histograms[cell + bin];
    }
  }
}

/** Descriptors of images of RGB bytes [size, size, 3]. */
function describe(images: readonly Uint8Array[], size: number, cells: number): Descriptors {
  const local = new Float32Array(images.length * cells * cells * localDim);
  const global = new Float32Array(images.length * globalDim);
  let start = 0;
  for (const [index, image] of images.entries()) {
    const histograms = cellHistograms(image, size, cells);
    const colours = cellColours(image, size, cells);
    for (let cell = 0; cell < cells * cells; cell++) {
      copyNeighbourhood(histograms, cells, Math.floor(cell / cells), cell % cells, local, start);
      const end = start + localDim - 3;
      normalise(local, start, end);
      for (let channel = 0; channel < 3; channel++) {
        local[end + channel] = colours[cell * 3 + channel];
      }
      start += localDim;
    }
    global.set(poolHistograms(histograms, cells, imageCells), index * globalDim);
    normalise(global, index * globalDim, (index + 1) * globalDim);
  }
  return { local, global };
}

/** The images of a batch of RGB bytes [B, size, size, 3], one by one. */
function split(pixels: Uint8Array, size: number): Uint8Array[] {
  const bytes = size * size * 3;
  return Array.from(
    { length: pixels.length / bytes },
    (_, index) => pixels.subarray(index * bytes, (index + 1) * bytes),
  );
}

/** Every k-th row, so that at most `mostSamples` remain. */
function thin(rows: Float32Array, dim: number): Float32Array {
  const count = rows.length / dim;
  const stride = Math.ceil(count / mostSamples);
  if (stride === 1) return rows;
  const kept = new Float32Array(Math.ceil(count / stride) * dim);
  for (let row = 0; row < count; row += stride) {
    kept.set(rows.subarray(row * dim, (row + 1) * dim), row / stride * dim);
  }
  return kept;
}

/** Components and bias of the linear layer that computes `scale` × components·(x − mean). */
function toLayer(
  fitted: PrincipalComponents,
  scale: number,
): { weight: NamedValues; bias: NamedValues } {
  const { mean, components, count, length } = fitted;
  const dim = mean.length;
  const factor = length > 0 ? scale / length : 0;
  const weight = components.map((value) => value * factor);
  const bias = new Float32Array(count);
  for (let row = 0; row < count; row++) {
    for (let i = 0; i < dim; i++) bias[row] -= weight[row * dim + i] * mean[i];
  }
  return {
    weight: { shape: [count, dim], values: weight },
    bias: { shape: [count], values: bias },
  };
}

/**
 * Fits the principal components to sample images.
 *
 * @param pixels RGB bytes [B, S, S, 3] with S = `options.imageSize`; a few hundred images are enough
 * @returns the state of a {@link HogTeacher}: the same images give the same state
 *
 * @example
 * ```ts
 * import { fitHog, hogDefaults } from "./hog.ts";
 * const options = { ...hogDefaults, imageSize: 8, patchSize: 4, localComponents: 2, globalComponents: 1 };
 * const pixels = Uint8Array.from({ length: 6 * 8 * 8 * 3 }, (_, index) => (index * index) % 251);
 * const state = fitHog(pixels, options);
 * if (state.get("teacher.hog.local.weight")?.shape.join() !== "2,678") throw new Error();
 * ```
 */
export function fitHog(pixels: Uint8Array, options: HogOptions): HogState {
  const { imageSize, patchSize } = options;
  if (imageSize % patchSize !== 0) {
    throw new UserError(
      `Cannot fit the hog teacher: patches of ${patchSize} px do not tile images of ${imageSize} px`,
      { hint: "use a patch size that divides the image size" },
    );
  }
  const cells = imageSize / patchSize;
  const images = split(pixels, imageSize);
  if (images.length === 0) throw new UserError("Cannot fit the hog teacher: there are no images");
  // Patches of one image are very similar: a quarter of what would be thinned out is enough.
  const stride = Math.max(1, Math.floor(images.length * cells * cells / (4 * mostSamples)));
  const { local } = describe(images.filter((_, index) => index % stride === 0), imageSize, cells);
  const state: HogState = new Map();
  const add = (name: string, rows: Float32Array, dim: number, count: number, scale: number) => {
    if (count > dim) {
      throw new UserError(
        `Cannot fit the hog teacher: expected at most ${dim} ${name} components, found ${count}`,
        { hint: `give --set teacher.hog.${name}Components=${dim} or less` },
      );
    }
    const layer = toLayer(principalComponents(thin(rows, dim), dim, count), scale);
    state.set(`teacher.hog.${name}.weight`, layer.weight);
    state.set(`teacher.hog.${name}.bias`, layer.bias);
  };
  add("local", local, localDim, options.localComponents, 1);
  if (options.globalComponents > 0) {
    const { global } = describe(images, imageSize, cells);
    add("global", global, globalDim, options.globalComponents, options.globalWeight);
  }
  return state;
}

/** Computes HOG targets with a fitted state. */
export class HogTeacher implements Teacher {
  readonly name = "hog";
  readonly targetDim: number;
  readonly parameterCount: number;
  readonly #options: Pick<HogOptions, "imageSize" | "patchSize">;
  readonly #state: HogState;
  readonly #tensors = new Map<string, Tensor>();

  /** @throws UserError if `state` is not from {@link fitHog} */
  constructor(
    on: Context,
    state: HogState,
    options: Pick<HogOptions, "imageSize" | "patchSize">,
  ) {
    this.#state = state;
    this.#options = options;
    const rows = (name: string) => state.get(`teacher.hog.${name}.weight`)?.shape[0] ?? 0;
    this.targetDim = rows("local") + rows("global");
    this.parameterCount = [...state.values()].reduce((sum, { values }) => sum + values.length, 0);
    if (rows("local") === 0) {
      throw new UserError('Cannot load the hog teacher: "teacher.hog.local.weight" is missing', {
        hint: "the tokenizer was trained with another teacher",
      });
    }
    on.backend.run(() => {
      for (const [name, { shape, values }] of state) {
        this.#tensors.set(name, tf.keep(tf.tensor(values, [...shape])));
      }
    });
  }

  /** pixels [B, S, S, 3] → [B, N, T]. */
  targets(on: Context, { pixels }: Pick<TeacherImages, "pixels">): Tensor {
    const { imageSize, patchSize } = this.#options;
    const cells = imageSize / patchSize;
    const images = split(pixels, imageSize);
    const exact: Context = { ...on, precision: "float32" };
    const project = (name: string, rows: Float32Array, dim: number, shape: number[]) => {
      const weight = this.#tensors.get(`teacher.hog.${name}.weight`)!;
      const bias = this.#tensors.get(`teacher.hog.${name}.bias`)!;
      const x = tf.tensor2d(rows, [rows.length / dim, dim]);
      return tf.reshape(linear(exact, x, weight, bias), [...shape, weight.shape[0]]);
    };
    const [targets] = withoutGradient(() => {
      const { local, global } = describe(images, imageSize, cells);
      const patches = cells * cells;
      const near = project("local", local, localDim, [images.length, patches]);
      if (!this.#tensors.has("teacher.hog.global.weight")) return [near];
      const far = project("global", global, globalDim, [images.length, 1]);
      return [tf.concat([near, tf.tile(far, [1, patches, 1])], 2)];
    });
    return targets;
  }

  state(): HogState {
    return this.#state;
  }

  weights(): Promise<HogState> {
    return Promise.resolve(this.#state);
  }

  dispose(): void {
    tf.dispose([...this.#tensors.values()]);
    this.#tensors.clear();
  }
}
