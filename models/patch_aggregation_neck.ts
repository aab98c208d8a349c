/**
 * The patch-aggregation branch of BEiT v2 (arXiv 2208.06366, section 3.3).
 *
 * @module
 */

import type { Tensor } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { spliceTokens } from "../backends/ops/splice_tokens.ts";
import { type BeitConfig, layerNormEpsilon } from "./beit_config.ts";
import {
  beitBlock,
  dropPathSource,
  type EncoderOptions,
  type EncoderOutput,
} from "./beit_encoder.ts";
import { block, blockSpecs } from "./layers/block.ts";
import { drawBlockKeep, dropPathRates } from "./layers/drop_path.ts";
import type { ParameterScope, ParameterSpec } from "./parameter_set.ts";

/** What the aggregation branch consists of. */
export interface AggregationInput extends Pick<EncoderOutput, "early" | "sharedBias"> {
  /** The cls token after the encoder's last block, [B, C]. */
  readonly cls: Tensor;
}

/** The parameters of the aggregation branch. */
export function aggregationSpecs(config: BeitConfig): ParameterSpec[] {
  const shape = { ...beitBlock(config), relativePositionRows: 0 };
  return Array.from({ length: config.headLayers }, (_, index) => {
    const place = { layer: config.earlyLayers + index, part: "aggregation" } as const;
    return blockSpecs(`cls_pt_layers.${index}`, shape, place);
  }).flat();
}

/**
 * A few blocks over the final cls token and the *early* patch tokens, → [B, N + 1, C], or [M, C] of the
 * `finalRows`. The patches can only be predicted if the cls token carries what the late blocks have learnt
 * about the image. Takes the encoder's shared relative-position bias.
 */
export function aggregatePatches(
  on: Context,
  config: BeitConfig,
  parameters: ParameterScope,
  { cls, early, sharedBias }: AggregationInput,
  { dropPath, recompute = 0, finalRows = null }: Omit<EncoderOptions, "mask">,
): Tensor {
  let x = spliceTokens(on, cls, early);
  const { earlyLayers, headLayers, depth } = config;
  const rates = dropPathRates(config.dropPathRate, Math.max(depth, earlyLayers + headLayers));
  const source = dropPathSource(config, dropPath, x.shape[0]);
  for (let index = 0; index < headLayers; index++) {
    const name = `cls_pt_layers.${index}`;
    x = block(on, parameters.scope(name), x, {
      heads: config.heads,
      epsilon: layerNormEpsilon(config),
      activation: "gelu",
      relativePositionBias: sharedBias,
      keep: drawBlockKeep(source, name, rates[earlyLayers + index]),
      rows: index === headLayers - 1 ? finalRows : null,
      isRecomputed: depth + index < recompute,
    });
  }
  return x;
}
