/**
 * The tensors that a model of a given shape must have, and what is wrong with those found.
 *
 * @module
 */

import { vitBase } from "../../models/beit_config.ts";
import { encoderSpecs } from "../../models/beit_encoder.ts";
import { classifierSpecs } from "../../models/classifier.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import type { ParameterSpec } from "../../models/parameter_set.ts";
import { vqkdBase } from "../../models/vqkd_config.ts";
import { vqkdSpecs } from "../../models/vqkd_tokenizer.ts";
import type { Infos, ModelKind, ModelShape } from "./model_shape.ts";

function specsOf(kind: ModelKind, shape: ModelShape): ParameterSpec[] {
  if (kind === "tokenizer") {
    const none = { decoderDepth: 0, teacherDim: 0, codes: 0, codeDim: 0 };
    // Heads leave no trace in a tokenizer's shapes. Published files do not have its idle steps.
    return vqkdSpecs({ ...vqkdBase, ...none, ...shape, heads: 1 })
      .filter(({ name }) => name !== "quantize.idle_steps");
  }
  const config = { ...vitBase, codes: 0, headLayers: 0, classes: 0, ...shape };
  if (kind === "pretrain") return maskedImageModelSpecs(config);
  if (kind === "finetune") return classifierSpecs(config);
  return encoderSpecs(config, { hasMaskToken: false });
}

/** Names and shapes of all tensors of a model, in the order of unilm's state dict. */
export function expectedTensors(
  kind: ModelKind,
  shape: ModelShape,
): Map<string, readonly number[]> {
  return new Map(specsOf(kind, shape).map(({ name, shape }) => [name, shape]));
}

/** A comparison of what was found with what a model needs. */
export interface FitReport {
  /** Needed but missing. */
  missing: string[];
  /** Present with the wrong shape. */
  wrongShape: { name: string; expected: readonly number[]; found: readonly number[] }[];
  /** Present but not needed. */
  leftOver: string[];
}

/** Compares tensors with those that a model of that shape needs. */
export function compareTensors(infos: Infos, kind: ModelKind, shape: ModelShape): FitReport {
  const report: FitReport = { missing: [], wrongShape: [], leftOver: [] };
  const expected = expectedTensors(kind, shape);
  for (const [name, wanted] of expected) {
    const found = infos.get(name)?.shape;
    if (!found) report.missing.push(name);
    else if (found.join() !== wanted.join()) {
      report.wrongShape.push({ name, expected: wanted, found });
    }
  }
  for (const name of infos.keys()) if (!expected.has(name)) report.leftOver.push(name);
  return report;
}
