/**
 * Vision transformers loaded from files as teachers.
 *
 * @module
 */

import type { Context } from "../../../backends/backend.ts";
import type { ModelFamily } from "../../../checkpoints/formats/families/mod.ts";
import { type ModelCheckpoint, openModel, requireWhole } from "../../../checkpoints/open_model.ts";
import { toFloat32 } from "../../../checkpoints/tensors/tensor_data.ts";
import { resolveWeights } from "../../../checkpoints/hub/download.ts";
import { UserError } from "../../../core/errors.ts";
import { EncoderTeacher } from "../../../models/teachers/encoder_teacher.ts";
import { configOfShape } from "../../../pipeline/weights/load_encoder.ts";
import { encoders, type EncoderTeacherName } from "./encoders.ts";
import type { TaughtModel, TeacherRun } from "./teacher_kind.ts";

/** Which teacher a model could be, to suggest it when another was requested. */
function fitting(family: ModelFamily): string {
  const names = Object.entries(encoders).filter(([, teacher]) => teacher.family === family);
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
  const { family, statistics } = encoders[name];
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

/** A tokenizer learns one vector for each of its own patches. */
function requireSameGrid(
  { patchSize }: TaughtModel,
  { shape }: ModelCheckpoint,
  where: string,
): void {
  if (shape.patchSize === patchSize) return;
  throw new UserError(
    `Cannot teach with "${where}": its patches have ${shape.patchSize} px, the tokenizer's ${patchSize}`,
    { hint: `give --patch-size ${shape.patchSize}` },
  );
}

/** Loads a teacher from the file that a config names. */
export async function openEncoderTeacher(
  name: EncoderTeacherName,
  { on, config, downloads }: TeacherRun,
): Promise<EncoderTeacher> {
  const { checkpoint } = config.teacher;
  if (checkpoint === null) {
    throw new UserError(`Cannot load the ${name} teacher: teacher.checkpoint is not set`, {
      hint:
        "give its weights with --set teacher.checkpoint=FILE, or use --teacher hog, which has none",
    });
  }
  const path = await resolveWeights(checkpoint, downloads);
  const model = await openModel(path, { part: "teacher" });
  try {
    requireSameGrid(config.model, model, checkpoint);
    return await createEncoderTeacher(on, name, model, checkpoint);
  } finally {
    model.close();
  }
}
