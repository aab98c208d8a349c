/**
 * A tokenizer without a network of its own: the nearest of some means of a teacher's features.
 *
 * @module
 */

import { type Tensor, tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { withoutGradient } from "../../../backends/tfjs/without_gradient.ts";
import { unitNormalization } from "../../../data/images/normalize.ts";
import { nearestMean } from "../../../models/k_means.ts";
import type { NamedValues } from "../../../models/parameter_set.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import type { DeviceContext } from "../../../pipeline/stage.ts";
import { imageTensor, type PatchTokenizer, type PixelBatch } from "../../../pipeline/tokenize.ts";

/** The size of a tokenizer, as far as those who use it must know. */
export interface TokenizerSize {
  /** Pixels along a side; images are square. */
  readonly imageSize: number;
  readonly patchSize: number;
  /** Number K of codes. */
  readonly codes: number;
  /** Width D of a code. */
  readonly codeDim: number;
}

/** A frozen tokenizer from a file. */
export interface FrozenTokenizer extends PatchTokenizer {
  readonly config: TokenizerSize;
  /** The codes, [K, D]. */
  readonly vectors: Tensor;
  dispose(): void;
}

/** A teacher's features of every patch as rows, [B·N, T]. */
export function teacherRows(on: Context, teacher: Teacher, batch: PixelBatch): Tensor {
  const { pixels, size, imageSize } = batch;
  const images01 = imageTensor(pixels, size, imageSize, unitNormalization);
  return tf.reshape(teacher.targets(on, { images01, pixels }), [-1, teacher.targetDim]);
}

/** A teacher and the means of its features; it owns both. */
export class KMeansTokenizer implements FrozenTokenizer {
  readonly config: TokenizerSize;
  readonly vectors: Tensor;
  readonly #teacher: Teacher;

  /** @param vectors [K, T] */
  constructor(
    size: Pick<TokenizerSize, "imageSize" | "patchSize">,
    teacher: Teacher,
    vectors: Tensor,
  ) {
    const [codes, codeDim] = vectors.shape;
    const { imageSize, patchSize } = size;
    this.config = { imageSize, patchSize, codes, codeDim: codeDim! };
    this.#teacher = teacher;
    this.vectors = vectors;
  }

  /** RGB bytes [B, S, S, 3] in `pixels` → int32 [B·N], row-major; ties go to the lowest id. */
  encode(on: Context, images: Tensor, _context?: DeviceContext, pixels?: Uint8Array): Tensor {
    if (pixels === undefined) {
      throw new Error("A k-means tokenizer prepares its images itself: pass them as bytes too");
    }
    const [size, , imageSize] = images.shape;
    const [ids] = withoutGradient(() => [
      nearestMean(
        on,
        teacherRows(on, this.#teacher, { pixels, size, imageSize: imageSize! }),
        this.vectors,
      ),
    ]);
    return ids;
  }

  /** Everything that determines the codes, by name: the means and the teacher's weights. */
  async weights(): Promise<Map<string, NamedValues>> {
    const values = await this.vectors.data() as Float32Array;
    const means = { shape: [...this.vectors.shape], values };
    return new Map([...await this.#teacher.weights(), ["k-means", means]]);
  }

  dispose(): void {
    this.#teacher.dispose();
    this.vectors.dispose();
  }
}
