/**
 * Which features a probe uses, and the memory of its steps.
 *
 * @module
 */

import type { LinearProbeConfig } from "./config.ts";
import { UserError } from "../../core/errors.ts";
import { type BeitConfig, gridSize } from "../../models/beit_config.ts";
import type { ProbePlace } from "../../models/linear_probes.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { encoderSpecs } from "../../models/beit_encoder.ts";
import type { ModelFootprint } from "../../pipeline/engine/planning/plan.ts";
import { requireLayers } from "../../models/features.ts";

/** The checkpoint of a config; a `UserError` if it names none. */
export function requirePretrained({ pretrained }: LinearProbeConfig): string {
  if (pretrained !== null) return pretrained;
  throw new UserError("Cannot probe: no model is given", {
    hint: "give a run directory or a file with --checkpoint",
  });
}

/** Every combination of a config's blocks and tokens that the encoder has. */
export function probePlaces(
  { probe }: LinearProbeConfig,
  { depth, hasClassToken = true }: Pick<BeitConfig, "depth" | "hasClassToken">,
): ProbePlace[] {
  const tokens = probe.tokens.filter((token) => hasClassToken || token === "meanPatches");
  if (tokens.length === 0) {
    throw new UserError("Cannot probe the class token: this encoder has none", {
      hint: "probe its patches with --set probe.tokens=[meanPatches]",
    });
  }
  const layers = probe.layers === "all"
    ? Array.from({ length: depth }, (_, layer) => layer)
    : requireLayers(probe.layers, depth);
  return layers.flatMap((layer) => tokens.map((token) => ({ layer, token })));
}

/** The memory of a step. Nothing is kept for a backward pass, so this errs on the safe side. */
export function probeFootprint(config: BeitConfig): ModelFootprint {
  const { embedDim, mlpRatio, depth } = config;
  return {
    parameters: 0,
    frozenParameters: countTrainable(encoderSpecs(config, { hasMaskToken: false })),
    tokens: gridSize(config) ** 2 + 1,
    embedDim,
    mlpRatio,
    blocks: depth,
  };
}
