/**
 * Image features from any block of an encoder: for k-NN, linear probes, and export.
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { takeTokens } from "../backends/ops/take_tokens.ts";
import { UserError } from "../core/errors.ts";
import type { BeitEncoder } from "./beit_encoder.ts";
import { withoutGradient } from "../backends/tfjs/without_gradient.ts";

/** `cls` and `meanPatches` are one vector per image [B, C]; `patches` is one per patch [B, N, C]. */
export type FeatureKind = "cls" | "meanPatches" | "patches";

/** Which features to extract. */
export interface FeatureRequest {
  /** Block, from 0; negative counts from the end: −1 is the last. */
  readonly layer: number;
  /** Which tokens: see {@link FeatureKind}. */
  readonly kind: FeatureKind;
}

/**
 * Features without masks, drop path or gradients, images [B, 3, S, S] → one tensor for each request. The
 * outputs are not normalised: the pretrained encoder has no final norm.
 *
 * @throws RangeError for a layer that the encoder does not have, UserError for a class token
 */
export function extractFeatures(
  on: Context,
  encoder: BeitEncoder,
  images: Tensor,
  requests: readonly FeatureRequest[],
): Tensor[] {
  const { depth, hasClassToken = true } = encoder.config;
  if (!hasClassToken && requests.some(({ kind }) => kind === "cls")) {
    throw new UserError("Cannot take the class token: this encoder has none", {
      hint: "take the mean of the patches with --token meanPatches",
    });
  }
  for (const { layer } of requests) {
    if (Number.isInteger(layer) && layer >= -depth && layer < depth) continue;
    throw new RangeError(
      `Cannot extract features from layer ${layer}: the encoder has ${depth} blocks`,
    );
  }
  return withoutGradient(() => {
    const { states } = encoder.forward(on, images, { mask: null, dropPath: null });
    return requests.map(({ layer, kind }) => takeTokens(on, states.at(layer)!, kind));
  });
}

/** Throws a `UserError` for a block that an encoder does not have. */
export function requireLayers(layers: readonly number[], depth: number): number[] {
  return layers.map((layer) => {
    if (Number.isInteger(layer) && layer >= -depth && layer < depth) return (layer + depth) % depth;
    throw new UserError(
      `Cannot extract features from layer ${layer}: the encoder has ${depth} blocks`,
      {
        hint: `give --layer from 0 to ${depth - 1}, or --layer=-1 for the last`,
      },
    );
  });
}
