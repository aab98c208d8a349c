/**
 * The pixels of a patch as a teacher: what other teachers are worth shows beside it.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { withoutGradient } from "../../backends/tfjs/without_gradient.ts";
import { patchRows } from "../patch_rows.ts";
import type { NamedValues } from "../parameter_set.ts";
import type { Teacher, TeacherImages } from "./teacher.ts";

/** The pixels of each patch in [−1, 1], channel by channel. */
export class PixelTeacher implements Teacher {
  readonly name = "pixels";
  readonly targetDim: number;
  readonly parameterCount = 0;
  readonly #patchSize: number;

  constructor(patchSize: number) {
    this.#patchSize = patchSize;
    this.targetDim = 3 * patchSize ** 2;
  }

  /** images [B, 3, S, S] in [0, 1] → [B, N, 3·p·p]. */
  targets(_on: Context, { images01 }: Pick<TeacherImages, "images01">): Tensor {
    const [targets] = withoutGradient(() => {
      const rows = patchRows(tf.sub(tf.mul(images01, 2), 1), this.#patchSize);
      return [tf.reshape(rows, [images01.shape[0], -1, this.targetDim])];
    });
    return targets;
  }

  state(): Map<string, NamedValues> {
    return new Map();
  }

  weights(): Promise<ReadonlyMap<string, NamedValues>> {
    return Promise.resolve(new Map());
  }

  dispose(): void {}
}
