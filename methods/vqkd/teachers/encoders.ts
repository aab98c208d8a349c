/** Vision transformers as teachers: which model each must be. @module */

import type { ModelFamily } from "../../../checkpoints/formats/families/mod.ts";
import {
  type ChannelStatistics,
  clipStatistics,
  halfStatistics,
  imagenetStatistics,
} from "../../../models/teachers/teacher.ts";

/** What a teacher must be. */
interface EncoderFacts {
  readonly family: ModelFamily;
  /** How its images are normalised unless its files say otherwise. */
  readonly statistics: ChannelStatistics;
  /** Width of the published model's features; null: taken to be the tokenizer's own. */
  readonly dim: number | null;
}

/** The teachers by name. */
export const encoders = {
  clip: { family: "clip", statistics: clipStatistics, dim: 512 },
  dino: { family: "vit", statistics: imagenetStatistics, dim: 768 },
  dinov2: { family: "dinov2", statistics: imagenetStatistics, dim: 768 },
  siglip: { family: "siglip", statistics: halfStatistics, dim: 768 },
  mae: { family: "vit", statistics: imagenetStatistics, dim: 768 },
  vit: { family: "vit", statistics: halfStatistics, dim: 768 },
  beit: { family: "beit", statistics: imagenetStatistics, dim: null },
} as const satisfies Readonly<Record<string, EncoderFacts>>;

/** A vision-transformer teacher, by its name in configs. */
export type EncoderTeacherName = keyof typeof encoders;
