/**
 * Images → a frozen teacher's features, which VQ-KD learns to reconstruct.
 *
 * @module
 */

import type { Tensor } from "../../../deps/tfjs.ts";
import { unitNormalization } from "../../../data/images/normalize.ts";
import type { Teacher } from "../../../models/teachers/teacher.ts";
import type { AugmentedBatch } from "../../../pipeline/batch.ts";
import type { Stage } from "../../../pipeline/stage.ts";
import type { TeacherCache } from "../teachers/teacher_cache.ts";
import { imageTensor } from "../../../pipeline/tokenize.ts";

/** … with the teacher's features for every patch. */
export interface TaughtBatch extends AugmentedBatch {
  /** [B, N, T]. */
  readonly targets: Tensor;
}

/** The stage `teach`; with a cache, the teacher only sees what is not in it. */
export function teach(
  teacher: Teacher,
  cache: TeacherCache | null = null,
): Stage<AugmentedBatch, TaughtBatch> & { readonly name: "teach" } {
  return {
    name: "teach",
    run(batch, { on }) {
      const compute = () => {
        const { pixels, size, imageSize } = batch;
        const images01 = imageTensor(pixels, size, imageSize, unitNormalization);
        return teacher.targets(on, { images01, pixels });
      };
      const targets = cache?.targets(batch, teacher.targetDim, compute) ?? compute();
      return { ...batch, targets };
    },
  };
}
