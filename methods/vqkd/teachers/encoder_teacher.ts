/**
 * Vision transformers loaded from files as teachers.
 *
 * @module
 */

import type { Context } from "../../../backends/backend.ts";
import type { ModelFamily } from "../../../checkpoints/formats/families/mod.ts";
import { type ModelCheckpoint, requireWhole } from "../../../checkpoints/open_model.ts";
import { toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";
import type { TokenizerConfig } from "../config.ts";
import { UserError } from "../../../core/errors.ts";
import { EncoderTeacher } from "../../../models/teachers/encoder_teacher.ts";
import {
  type ChannelStatistics,
  clipStatistics,
  halfStatistics,
  imagenetStatistics,
} from "../../../models/teachers/teacher.ts";
import { configOfShape } from "../../../pipeline/weights/load_encoder.ts";

/** A vision-transformer teacher, by its name in configs. */
export type EncoderTeacherName = Exclude<TokenizerConfig["teacher"]["name"], "hog">;

/** What each teacher must be, and how its images are normalised unless its files say otherwise. */
const TEACHERS: Readonly<
  Record<EncoderTeacherName, { family: ModelFamily; statistics: ChannelStatistics }>
> = {
  clip: { family: "clip", statistics: clipStatistics },
  dino: { family: "vit", statistics: imagenetStatistics },
  dinov2: { family: "dinov2", statistics: imagenetStatistics },
  mae: { family: "vit", statistics: imagenetStatistics },
  siglip: { family: "siglip", statistics: halfStatistics },
  vit: { family: "vit", statistics: halfStatistics },
  beit: { family: "beit", statistics: imagenetStatistics },
};

/** Which teacher a model could be, to suggest it when another was requested. */
function fitting(family: ModelFamily): string {
  const names = Object.entries(TEACHERS).filter(([, teacher]) => teacher.family === family);
  return names.map(([name]) => name).join(" or ");
}

/**
 * A teacher from an opened model: its patch tokens after its last norm, for CLIP through its projection.
 *
 * @throws UserError if the model is not what the name says, or incomplete
 */
export async function createEncoderTeacher(
  on: Context,
  name: EncoderTeacherName,
  model: ModelCheckpoint,
  where: string,
): Promise<EncoderTeacher> {
  const { family, statistics } = TEACHERS[name];
  if (model.kind === "tokenizer") {
    throw new UserError(`Cannot teach with "${where}": it is a tokenizer`, {
      hint: "give the model that taught it, or a pretrained one",
    });
  }
  if (model.family !== family) {
    throw new UserError(
      `Cannot load the ${name} teacher from "${where}": expected a ${family}, found a ${model.family}`,
      { hint: `give --teacher ${fitting(model.family)}` },
    );
  }
  requireWhole(model.report, `the teacher "${where}"`);
  const all = new Map([...model.tensors, ...model.rest]);
  const norm = (["norm", "fc_norm"] as const).find((norm) => all.has(`${norm}.weight`));
  if (norm === undefined) {
    throw new UserError(
      `Cannot load the ${name} teacher from "${where}": "norm.weight" is missing`,
      {
        hint: "give a model with the norm after its last block",
      },
    );
  }
  const projection = family === "clip" ? all.get("projection.weight") : undefined;
  const { mean, standardDeviation: deviation } = model.preprocessing ?? {};
  const values = new Map<string, Float32Array>();
  for (const [key, tensor] of all) {
    if (/^(lm_head|head|decoder|cls_pt_layers|target_generator)\./.test(key)) continue;
    values.set(key, toFloat32(await tensor.read()));
  }
  return new EncoderTeacher(on, {
    name,
    config: configOfShape(model.shape),
    statistics: mean && deviation ? { mean, deviation } : statistics,
    norm,
    projectionDim: projection?.shape[0] ?? null,
  }, (spec) => values.get(spec.name)!);
}
