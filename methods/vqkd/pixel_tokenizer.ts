/**
 * The simplest possible tokenizer: k-means on the pixels of patches. It shows, by comparison, what VQ-KD's
 * tokens are worth.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { Generator } from "../../core/generator.ts";
import { patchRows } from "../../models/patch_rows.ts";
import { fitMeans, nearestMean } from "../../models/k_means.ts";
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
const stateName = "tokenizer.pixels";

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
    const means = await fitMeans(on, samples, config.codes, iterations, generator);
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
