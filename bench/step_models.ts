/** The models that the benchmarks train, by name, each with the tokenizer that provides its targets. */

import type { Context } from "../backends/backend.ts";
import { Generator } from "../core/generator.ts";
import { type BeitConfig, vitBase } from "../models/beit_config.ts";
import { initialisePlain } from "../models/initialise.ts";
import { vqkdBase } from "../models/vqkd_config.ts";
import { VqkdTokenizer } from "../models/vqkd_tokenizer.ts";
import { loadTokenizer } from "../methods/vqkd/load_tokenizer.ts";

const quickstart: BeitConfig = {
  ...vitBase,
  imageSize: 32,
  patchSize: 4,
  embedDim: 128,
  depth: 4,
  heads: 4,
  earlyLayers: 2,
  headLayers: 2,
  codes: 256,
};

export const stepModels: Readonly<Record<string, BeitConfig>> = {
  quickstart,
  vit_ti: { ...vitBase, embedDim: 192, heads: 3 },
  vit_s: { ...vitBase, embedDim: 384, heads: 6 },
  vit_b: vitBase,
};

/** The model of that name. */
export function stepModel(name: string | undefined): BeitConfig {
  const config = stepModels[name ?? ""];
  if (config === undefined) throw new Error(`Choose one of ${Object.keys(stepModels).join(", ")}`);
  return config;
}

/** The bundled tokenizer for the quick start; otherwise an untrained one of the published ones' size. */
export async function openStepTokenizer(on: Context, config: BeitConfig): Promise<VqkdTokenizer> {
  if (config === quickstart) return await loadTokenizer(on, "vqkd_quickstart");
  const initialise = initialisePlain(Generator.from(3), { xavier: true });
  return VqkdTokenizer.create(on, { ...vqkdBase, decoderDepth: 0 }, initialise);
}
