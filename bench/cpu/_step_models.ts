/** The models that the step benchmark runs, by name. */

import { type BeitConfig, vitBase } from "../../models/beit_config.ts";

export const stepModels: Readonly<Record<string, BeitConfig>> = {
  quickstart: {
    ...vitBase,
    imageSize: 32,
    patchSize: 4,
    embedDim: 128,
    depth: 4,
    heads: 4,
    earlyLayers: 2,
    headLayers: 2,
    codes: 256,
  },
  vit_ti: { ...vitBase, embedDim: 192, heads: 3 },
  vit_s: { ...vitBase, embedDim: 384, heads: 6 },
  vit_b: vitBase,
};
