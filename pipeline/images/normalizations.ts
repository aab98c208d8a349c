/** The names that configs use for channel statistics. @module */

import {
  halfNormalization,
  imagenetNormalization,
  type Normalization,
} from "../../data/images/normalize.ts";

/** Mean and standard deviation in bytes, 0 to 255, by the name a config uses. */
export const normalizations: Readonly<Record<"imagenet" | "half" | "clip", Normalization>> = {
  imagenet: imagenetNormalization,
  half: halfNormalization,
  clip: {
    mean: [0.48145466 * 255, 0.4578275 * 255, 0.40821073 * 255],
    std: [0.26862954 * 255, 0.26130258 * 255, 0.27577711 * 255],
  },
};
