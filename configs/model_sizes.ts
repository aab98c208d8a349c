/**
 * Vision transformers by their usual names.
 *
 * @module
 */
import { type Node, nodeAt } from "./nodes.ts";

/** Width, depth and heads. */
export interface ModelSize {
  readonly embedDim: number;
  readonly depth: number;
  readonly heads: number;
}

/** The sizes by name: `mini` is the quick start's, the others are ViT-Ti, -S, -B and -L. */
export const modelSizes = {
  mini: { embedDim: 128, depth: 4, heads: 4 },
  tiny: { embedDim: 192, depth: 12, heads: 3 },
  small: { embedDim: 384, depth: 12, heads: 6 },
  base: { embedDim: 768, depth: 12, heads: 12 },
  large: { embedDim: 1024, depth: 24, heads: 16 },
} as const satisfies Readonly<Record<string, ModelSize>>;

/** A name of {@link modelSizes}. */
export type ModelName = keyof typeof modelSizes;

/** Their usual names. */
export const modelTitles: Readonly<Record<ModelName, string>> = {
  mini: "ViT-mini",
  tiny: "ViT-Ti",
  small: "ViT-S",
  base: "ViT-B",
  large: "ViT-L",
};

/**
 * The config keys of a schema that set its model to a named size, with everything that depends on the depth.
 */
export function modelSizeValues(schema: Node, name: ModelName): Record<string, unknown> {
  const { embedDim, depth, heads } = modelSizes[name];
  const values: Record<string, unknown> = {
    "model.embedDim": embedDim,
    "model.depth": depth,
    "model.heads": heads,
  };
  const further: Record<string, unknown> = {
    "model.layerScaleInitValue": name === "large" ? 1e-5 : 0.1,
    // BEiT v2 uses 9 of 12 and 21 of 24; for the quick start's 4 blocks it is 2.
    "model.earlyLayers": depth === 4 ? 2 : depth - 3,
    "segmentation.outBlocks": [1, 2, 3, 4].map((part) => part * depth / 4 - 1),
  };
  for (const [key, value] of Object.entries(further)) {
    if (nodeAt(schema, key).node !== null) values[key] = value;
  }
  return values;
}
