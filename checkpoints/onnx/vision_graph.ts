/**
 * What an ONNX file is as a vision model: where its images go in, and which outputs describe places
 * in them.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { formatShape } from "../../core/shapes.ts";
import type { OnnxContent, OnnxValue } from "./read_onnx.ts";

/** Features by place: a map [B, C, H, W], or tokens [B, N, C]. */
export type FeatureLayout = "map" | "tokens";

/** An output with features by place. */
export interface FeatureOutput {
  /** Its name in the graph. */
  readonly name: string;
  /** How the features lie. */
  readonly layout: FeatureLayout;
  /** Width of the features; null if the file leaves it open. */
  readonly dim: number | null;
}

/** A file that takes images and gives features by place. */
export interface VisionGraph {
  /** Name of the input. */
  readonly input: string;
  /** Whether it takes float16. */
  readonly isHalf: boolean;
  /** Images that it takes at once; null: any number. */
  readonly batch: number | null;
  /** Height and width that it takes; null: any. */
  readonly size: number | null;
  /** Side of its patches, from the weights of a patch embedding; null if it has none. */
  readonly patchSize: number | null;
  /** All outputs that can be used, in the order of the file. */
  readonly outputs: readonly FeatureOutput[];
  /** Those that are used unless others are named. */
  readonly chosen: readonly string[];
}

function describe({ name, shape, dtype }: OnnxValue): string {
  return `${name} ${dtype ?? ""}[${shape.join(", ")}]`;
}

function fixed(extent: number | string): number | null {
  return typeof extent === "number" && extent > 0 ? extent : null;
}

/** The only input, if it takes images; older files also list their weights as inputs. */
function imageInput({ inputs, tensors }: OnnxContent): OnnxValue {
  const weights = new Set(tensors.map(({ name }) => name));
  const given = inputs.filter(({ name }) => !weights.has(name));
  const found = given.map(describe).join(", ") || "none";
  const [input] = given;
  const channels = input?.shape[1];
  const isImage = given.length === 1 && input.shape.length === 4 &&
    (typeof channels === "string" || channels === 3) &&
    (input.dtype === "F32" || input.dtype === "F16");
  if (isImage) return input;
  throw new UserError(
    `expected one input of images, F32 or F16 [batch, 3, height, width], found ${found}`,
    given.length > 1 ? { hint: "export the vision model alone" } : {},
  );
}

function featureOutput({ name, shape }: OnnxValue): FeatureOutput | null {
  // Attention has four axes as well, or three.
  if (/attention/i.test(name)) return null;
  if (shape.length === 4) return { name, layout: "map", dim: fixed(shape[1]) };
  if (shape.length === 3) return { name, layout: "tokens", dim: fixed(shape[2]) };
  return null;
}

/** `last_hidden_state`, as hubs call it; otherwise all maps, or the last output of tokens. */
function chosenOutputs(outputs: readonly FeatureOutput[]): string[] {
  const names = (list: readonly FeatureOutput[]) => list.map(({ name }) => name);
  const last = names(outputs).find((name) => name === "last_hidden_state");
  if (last !== undefined) return [last];
  const maps = outputs.filter(({ layout }) => layout === "map");
  return names(maps.length > 0 ? maps : outputs.slice(-1));
}

/** The side of square kernels over three channels that do not overlap in any vision transformer. */
function embeddedPatch({ tensors }: OnnxContent): number | null {
  const kernel = tensors.find(({ shape }) =>
    shape.length === 4 && shape[1] === 3 && shape[2] === shape[3] && shape[2] > 1
  );
  return kernel?.shape[2] ?? null;
}

/**
 * What a file is as a vision model.
 *
 * @throws UserError saying what was expected and found, if it is none
 *
 * @example
 * ```ts
 * import { visionGraph } from "./vision_graph.ts";
 * const { size, chosen } = visionGraph({
 *   ...{ bytes: 0, producer: "", opset: 17, tensors: [], metadata: {} },
 *   inputs: [{ name: "images", shape: ["batch", 3, 64, 64], dtype: "F32" }],
 *   outputs: [{ name: "map", shape: ["batch", 8, 4, 4] }, { name: "logits", shape: ["batch", 10] }],
 * });
 * if (size !== 64 || chosen.join() !== "map") throw new Error();
 * ```
 */
export function visionGraph(content: OnnxContent): VisionGraph {
  const input = imageInput(content);
  const [batch, , height, width] = input.shape.map(fixed);
  if (height !== width) {
    throw new UserError(
      `expected square images, found ${formatShape(input.shape as number[])} for ${input.name}`,
    );
  }
  const outputs = content.outputs.flatMap((value) => featureOutput(value) ?? []);
  if (outputs.length === 0) {
    const found = content.outputs.map(describe).join(", ") || "none";
    throw new UserError(
      `expected features by place, a map [batch, C, H, W] or tokens [batch, N, C], found ${found}`,
      { hint: "export it with its last hidden state or a feature map as an output" },
    );
  }
  const hasTokens = outputs.some(({ layout }) => layout === "tokens");
  return {
    input: input.name,
    isHalf: input.dtype === "F16",
    batch,
    size: height,
    patchSize: hasTokens ? embeddedPatch(content) : null,
    outputs,
    chosen: chosenOutputs(outputs),
  };
}

/** Class and register tokens that precede the patches at most, unless they are told. */
const mostPrefixTokens = 16;

/**
 * The number of class and register tokens before the patches, so that the rest is a square grid.
 *
 * @param patchSize see {@link VisionGraph}; with it, the grid is that of the image
 * @returns null if no number fits
 */
export function prefixTokens(
  tokens: number,
  imageSize: number,
  patchSize: number | null,
): number | null {
  const grids = [
    ...(patchSize === null ? [] : [Math.floor(imageSize / patchSize)]),
    Math.floor(Math.sqrt(tokens)),
  ];
  for (const grid of grids) {
    const prefix = tokens - grid ** 2;
    if (grid > 0 && prefix >= 0 && prefix <= mostPrefixTokens) return prefix;
  }
  return null;
}
