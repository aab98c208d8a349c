/**
 * The simplest possible tokenizer: k-means on the pixels of patches. It shows, by comparison, what VQ-KD's
 * tokens are worth.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { codeStatistics } from "../../backends/ops/code_statistics.ts";
import { linear } from "../../backends/ops/linear.ts";
import type { Generator } from "../../core/generator.ts";
import type { NamedValues } from "../../models/parameter_set.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import type { PatchTokenizer } from "../../pipeline/tokenize.ts";

/** The size of a pixel tokenizer. */
export interface PixelTokenizerConfig {
  /** Pixels along a side; images are square. */
  readonly imageSize: number;
  readonly patchSize: number;
  /** Number K of codes. */
  readonly codes: number;
}

const iterations = 20;
const rowsAtOnce = 4096;
const stateName = "tokenizer.pixels";

/** Patches as rows, images [B, 3, S, S] → [B·N, 3·p·p], row-major; channel, row, column within one. */
export function patchRows(images: Tensor, patchSize: number): Tensor {
  const [batch, channels, size] = images.shape;
  const grid = size / patchSize;
  // As two transpositions of four axes: not every backend supports six.
  const strips = tf.reshape(images, [batch * channels * grid, patchSize, grid, patchSize]);
  const patches = tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [
    batch,
    channels,
    grid * grid,
    patchSize * patchSize,
  ]);
  return tf.reshape(tf.transpose(patches, [0, 2, 1, 3]), [batch * grid * grid, -1]);
}

/** The nearest mean for each row by Euclidean distance, [n, D] and [K, D] → int32 [n]. */
function nearestMean(on: Context, rows: Tensor, means: Tensor): Tensor {
  const exact: Context = { ...on, precision: "float32" };
  // In |x − m|², only x·m − |m|²/2 depends on the mean; the distance is smallest where it is
  // largest.
  const bias = tf.mul(tf.sum(tf.square(means), 1), -0.5) as Tensor;
  return tf.argMax(linear(exact, rows, means, bias), -1);
}

/** K different rows of [n, D], in random order; rows repeat if there are fewer. */
function differentRows(rows: Float32Array, width: number, codes: number, generator: Generator) {
  const count = rows.length / width;
  const order = generator.permutation(count);
  const seen = new Set<string>();
  const chosen: number[] = [];
  for (const row of order) {
    if (chosen.length === codes) break;
    const key = rows.subarray(row * width, (row + 1) * width).join();
    if (seen.has(key)) continue;
    seen.add(key);
    chosen.push(row);
  }
  for (let i = 0; chosen.length < codes; i++) chosen.push(chosen[i]);
  return Int32Array.from(chosen);
}

/** One round of Lloyd's algorithm, samples [n, D] and means [K, D] → means [K, D]. */
function updateMeans(on: Context, samples: Tensor, means: Tensor): Tensor {
  const [count, codes] = [samples.shape[0], means.shape[0]];
  let counts: Tensor = tf.zeros([codes]);
  let sums: Tensor = tf.zeros(means.shape);
  for (let start = 0; start < count; start += rowsAtOnce) {
    const size = Math.min(rowsAtOnce, count - start);
    [counts, sums] = tf.tidy(() => {
      const part = tf.slice(samples, start, size);
      const own = codeStatistics(on, part, nearestMean(on, part, means), codes);
      return [tf.add(counts, own.counts) as Tensor, tf.add(sums, own.sums) as Tensor];
    });
  }
  const members = tf.broadcastTo(tf.reshape(counts, [-1, 1]), means.shape);
  return tf.where(tf.greater(members, 0), tf.div(sums, tf.maximum(members, 1)), means);
}

/**
 * A codebook of raw patches.
 *
 * @example Two colours, two codes
 * ```ts
 * import { createBackend } from "../../backends/mod.ts";
 * import { Generator } from "../../core/generator.ts";
 * import { tf } from "../../deps/tfjs.ts";
 * import { PixelTokenizer } from "./pixel_tokenizer.ts";
 *
 * const { backend } = await createBackend("cpu", { threads: 1 });
 * const on = { backend, precision: "float32" } as const;
 * const images = tf.tensor([...Array(48).fill(-1), ...Array(48).fill(1)], [2, 3, 4, 4]);
 * const config = { imageSize: 4, patchSize: 2, codes: 2 };
 * const tokenizer = await PixelTokenizer.fit(on, config, [images], Generator.from(1));
 * const ids = await tokenizer.encode(on, images).data();
 * if (ids[0] === ids[4] || ids[0] !== ids[3]) throw new Error(ids.join());
 * tokenizer.dispose();
 * await backend.dispose();
 * ```
 */
export class PixelTokenizer implements PatchTokenizer {
  readonly config: PixelTokenizerConfig;
  /** [K, 3·p·p]. */
  readonly #means: Tensor;

  private constructor(config: PixelTokenizerConfig, means: Tensor) {
    this.config = config;
    this.#means = means;
  }

  /** Fits the codes to normalised images [B, 3, S, S], using all given batches. */
  static async fit(
    on: Context,
    config: PixelTokenizerConfig,
    images: readonly Tensor[],
    generator: Generator,
  ): Promise<PixelTokenizer> {
    const samples = on.backend.run(() =>
      tf.tidy(() => tf.concat(images.map((batch) => patchRows(batch, config.patchSize))) as Tensor)
    );
    const values = await samples.data() as Float32Array;
    const first = differentRows(values, samples.shape[1]!, config.codes, generator);
    const means = on.backend.run(() => {
      let means: Tensor = tf.tidy(() => tf.gather(samples, tf.tensor1d(first, "int32")));
      for (let iteration = 0; iteration < iterations; iteration++) {
        const old = means;
        means = tf.tidy(() => updateMeans(on, samples, old));
        old.dispose();
      }
      return tf.keep(means);
    });
    samples.dispose();
    return new PixelTokenizer(config, means);
  }

  /** A tokenizer as it was exported. */
  static load(
    on: Context,
    config: PixelTokenizerConfig,
    state: ReadonlyMap<string, NamedValues>,
  ): PixelTokenizer {
    const { shape, values } = state.get(stateName)!;
    const means = on.backend.run(() => tf.keep(tf.tensor(values, [...shape])));
    return new PixelTokenizer(config, means);
  }

  /** Normalised images [B, 3, S, S] → int32 [B·N], row-major; ties go to the lowest id. */
  encode(on: Context, images: Tensor): Tensor {
    const [ids] = withoutGradient(() => [
      nearestMean(on, patchRows(images, this.config.patchSize), this.#means),
    ]);
    return ids;
  }

  /** The codes [K, 3·p·p], under the name that {@link PixelTokenizer.load} looks for. */
  async export(): Promise<Map<string, NamedValues>> {
    const values = await this.#means.data() as Float32Array;
    return new Map([[stateName, { shape: [...this.#means.shape], values: values.slice() }]]);
  }

  dispose(): void {
    this.#means.dispose();
  }
}
