/**
 * Patch tokens and codes → the scalar to minimise: one cross-entropy over the masked patches for each
 * branch (paper equation 5).
 *
 * @module
 */

import type { MaskedImageModel } from "../models/masked_image_model.ts";
import type { EncodedBatch, LossOutput } from "./batch.ts";
import type { Stage } from "./stage.ts";

/** The stage `loss` of pretraining; logs `loss1`, `accuracy1`, and `2` with aggregation. */
export function loss(
  model: MaskedImageModel,
): Stage<EncodedBatch, LossOutput> & { readonly name: "loss" } {
  return { name: "loss", run: (batch, { on }) => model.loss(on, batch) };
}
