/**
 * Writing a model as ONNX.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { FileSink } from "../tensors/file_sink.ts";
import type { ModelKind, ModelShape } from "../formats/model_shape.ts";
import { openModel, type OpenModelOptions, requireWhole } from "../open_model.ts";
import {
  defaultPreprocessing,
  type Preprocessing,
  preprocessingMetadata,
} from "../hub/preprocessing.ts";
import type { TensorMap } from "../tensors/tensor_data.ts";
import { EncoderGraph } from "./encoder_graph.ts";
import { GraphBuilder, type OnnxPrecision } from "./graph_builder.ts";

/** What the exported model outputs. */
export type OnnxOutput = "logits" | "features";

/** A model to export, such as `openModel` returns. */
export interface OnnxModel {
  readonly kind: ModelKind;
  readonly shape: ModelShape;
  readonly tensors: TensorMap;
}

/** How to export. */
export interface OnnxOptions {
  /** Default: `logits` for a classifier, `features` for everything else. */
  output?: OnnxOutput;
  /** How images are preprocessed; default: as for BEiT v2. */
  preprocessing?: Preprocessing;
  /** The class names. */
  classNames?: readonly string[];
  /** Number format; default: float32. */
  precision?: OnnxPrecision;
  /** What input and outputs are called; default: `ours`. */
  names?: "ours" | "huggingface";
}

/** Names of the input and the outputs, ours and those that Hugging Face's libraries look for. */
const borderNames = {
  ours: { images: "images", tokens: "tokens", pooled: "pooled" },
  huggingface: {
    images: "pixel_values",
    tokens: "last_hidden_state",
    pooled: "pooler_output",
  },
} as const;

/**
 * `tokens` [B, N + 1, C], normalised if the model has a norm for them, and `pooled`: their mean over the
 * patches [B, C], or the input of a classifier's head.
 */
function addFeatures(
  graph: GraphBuilder,
  encoder: EncoderGraph,
  model: OnnxModel,
  images: string,
  names: { readonly tokens: string; readonly pooled: string },
): void {
  const { embedDim, pooling } = model.shape;
  const last = encoder.encode(images);
  const norm =
    { pretrain: "norm", tokenizer: "fc_norm", finetune: "", encoder: "norm" }[model.kind];
  const tokens = norm && model.tensors.has(`${prefixOf(model)}${norm}.weight`)
    ? encoder.norm(last, norm)
    : last;
  graph.output(names.tokens, tokens, ["batch", encoder.tokenCount, embedDim]);
  const pooled = model.kind === "finetune" ? encoder.pool(tokens) : encoder.meanOfPatches(tokens);
  const width = model.kind === "finetune" && pooling === "clsAndMean" ? 2 * embedDim : embedDim;
  graph.output(names.pooled, pooled, ["batch", width]);
}

/** Pooled tokens through the head: [B, classes] */
function addLogits(
  graph: GraphBuilder,
  encoder: EncoderGraph,
  model: OnnxModel,
  images: string,
): void {
  const pooled = encoder.pool(encoder.encode(images));
  graph.output("logits", encoder.linear(pooled, "head"), ["batch", model.shape.classes ?? 0]);
}

function prefixOf({ kind }: OnnxModel): string {
  return kind === "tokenizer" ? "encoder." : "";
}

/**
 * Writes a model's encoder, or the whole classifier, to an ONNX file (opset 17). Its input `images` is
 * `[batch, 3, S, S]`, normalised with the mean and standard deviation in its metadata; the outputs are
 * `logits`, or `tokens` and `pooled`. For a classifier, `pooled` is its head's input: for BEiT the mean of the
 * patch tokens after `fc_norm`, while `tokens` have no norm. For everything else it is the mean of the patches
 * in `tokens`, which are normalised if the model has a norm for them.
 *
 * @example
 * ```ts
 * import { exportOnnx } from "./export_onnx.ts";
 * import { expectedTensors } from "../formats/expected_tensors.ts";
 * const shape = {
 *   imageSize: 16, patchSize: 8, embedDim: 8, depth: 1, heads: 2, mlpRatio: 4,
 *   layerScaleInitValue: 0.1, usesAbsolutePositions: false, classes: 3,
 *   usesSharedRelativePositionBias: false, usesRelativePositionBias: true,
 * };
 * const tensors = new Map([...expectedTensors("finetune", shape)].map(([name, shape]) => {
 *   const data = new Float32Array(shape.reduce((a, b) => a * b, 1));
 *   const tensor = { dtype: "F32", shape, data } as const;
 *   return [name, { ...tensor, read: () => tensor }];
 * }));
 * const path = await Deno.makeTempFile({ suffix: ".onnx" });
 * const written = await exportOnnx({ kind: "finetune", shape, tensors }, path);
 * if (written.bytes < 4000) throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function exportOnnx(
  model: OnnxModel,
  path: string,
  options: OnnxOptions = {},
): Promise<{ bytes: number; sha256: string }> {
  const { shape, tensors } = model;
  const output = options.output ?? (model.kind === "finetune" ? "logits" : "features");
  if (output === "logits" && model.kind !== "finetune") {
    throw new UserError(`Cannot export logits to ONNX: a ${model.kind} checkpoint has no classes`, {
      hint: "give --output features, or fine-tune it first",
    });
  }
  const graph = new GraphBuilder(options.precision);
  const names = borderNames[options.names ?? "ours"];
  const encoder = new EncoderGraph(graph, { shape, tensors, prefix: prefixOf(model) });
  const images = graph.input(names.images, ["batch", 3, shape.imageSize, shape.imageSize]);
  if (output === "logits") addLogits(graph, encoder, model, images);
  else addFeatures(graph, encoder, model, images, names);
  const preprocessing = options.preprocessing ?? defaultPreprocessing(shape);
  const sink = new FileSink(path);
  try {
    await graph.write(sink, {
      name: `mimic ${model.kind}`,
      metadata: {
        ...preprocessingMetadata(preprocessing),
        ...(output === "logits" && options.classNames
          ? { classes: JSON.stringify(options.classNames) }
          : {}),
      },
    });
  } catch (error) {
    sink.abandon();
    await Deno.remove(path).catch(() => {});
    throw error;
  }
  return sink.finish();
}

/** Like {@link exportOnnx}, for any checkpoint that `openModel` opens. */
export async function exportOnnxFile(
  from: string | URL,
  path: string,
  options: OnnxOptions & OpenModelOptions = {},
): Promise<{ bytes: number; sha256: string }> {
  const model = await openModel(from, { part: options.part, shape: options.shape });
  try {
    requireWhole(model.report, `"${from}"`);
    const tensors = new Map([...model.tensors, ...model.rest]);
    return await exportOnnx({ kind: model.kind, shape: model.shape, tensors }, path, {
      ...options,
      preprocessing: options.preprocessing ?? model.preprocessing,
      classNames: options.classNames ?? model.classNames,
    });
  } finally {
    model.close();
  }
}
