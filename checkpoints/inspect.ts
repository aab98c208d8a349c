/**
 * What is in a file: the answer to `inspect`.
 *
 * @module
 */

import { basename, join } from "node:path";
import { UserError } from "../core/errors.ts";
import { sizeOf } from "../core/shapes.ts";
import { HUB_WEIGHTS } from "./hub/hub_folder.ts";
import { openCheckpointFiles } from "./store/checkpoint_files.ts";
import type { ModelFormat } from "./formats/model_format.ts";
import type { ModelKind, ModelShape } from "./formats/model_shape.ts";
import { isOnnx, type OnnxContent, readOnnx } from "./onnx/read_onnx.ts";
import { onnxIn, readVisionFile, type VisionFile } from "./onnx/vision_file.ts";
import { type LoadReport, openModel } from "./open_model.ts";
import type { DType } from "./tensors/tensor_data.ts";
import { exists } from "./path_kinds.ts";

/** A tensor in a file. */
export interface TensorEntry {
  /** Its name in the file. */
  name: string;
  /** The type of its elements. */
  dtype: DType;
  /** Its dimensions. */
  shape: readonly number[];
}

/** What a file is and contains. */
export interface Inspection {
  /** The inspected file; for a folder, the one inside it. */
  path: string;
  /** Size of the file. */
  bytes: number;
  /** The file's own format, from its first bytes. */
  container: "safetensors" | "pth" | "onnx";
  /** Keys from the root of a `.pth` file to its weights. */
  wrappers: readonly string[];
  /** Whose names it uses; `undefined` if the tensors are not a BEiT's. */
  format?: ModelFormat;
  /** What the model is; `undefined` like `format`. */
  kind?: ModelKind;
  /** The model's shape; `undefined` like `format`. */
  shape?: ModelShape;
  /** What its tensors become as a model; `undefined` if it is not one. */
  report?: LoadReport;
  /** Tensors as the file names them. */
  tensors: TensorEntry[];
  /**
   * Elements in the floating-point tensors that make up the model, or in all of them if it is not a model.
   */
  parameters: number;
  /** The file's own string metadata. */
  metadata: Readonly<Record<string, string>>;
  /** An ONNX file's inputs and outputs. */
  graph?: Pick<OnnxContent, "producer" | "opset" | "inputs" | "outputs">;
  /** What an ONNX file is as a teacher of tokenizers, or in `refused`, why it cannot be one. */
  teacher?: VisionFile | { readonly refused: string };
}

const FLOATING: readonly DType[] = ["F64", "F32", "F16", "BF16"];

function countParameters(entries: Iterable<{ dtype: DType; shape: readonly number[] }>): number {
  let count = 0;
  for (const { dtype, shape } of entries) if (FLOATING.includes(dtype)) count += sizeOf(shape);
  return count;
}

/**
 * Inspects a checkpoint without reading its weights. A file that cannot be read at all is a
 * one-line `UserError`; tensors of an unknown model are listed without a kind.
 *
 * @example
 * ```ts
 * import { inspectFile } from "./inspect.ts";
 * import { writeSafetensors } from "./safetensors/safetensors_writer.ts";
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await writeSafetensors(path, [
 *   ["weight", { dtype: "F32", shape: [2, 3], data: new Float32Array(6) }],
 * ], { note: "hello" });
 * const found = await inspectFile(path);
 * if (found.parameters !== 6 || found.metadata.note !== "hello" || found.kind) throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function inspectFile(from: string | URL): Promise<Inspection> {
  if (isOnnx(from)) return await inspectOnnx(from);
  const inside = typeof from === "string" && !hasWeights(from) ? onnxIn(from) : undefined;
  if (inside !== undefined) return await inspectOnnx(inside);
  const files = await openCheckpointFiles(from);
  files.close();
  const { path, bytes, container, wrappers, metadata } = files;
  const tensors = [...files.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const seen = { path, bytes, container, wrappers, metadata, tensors };
  try {
    const model = await openModel(from);
    model.close();
    const { format, kind, shape, report } = model;
    return {
      ...seen,
      format,
      kind,
      shape,
      report,
      parameters: countParameters(model.tensors.values()),
    };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { ...seen, parameters: countParameters(tensors) };
  }
}

/** Whether a folder holds the weights of a checkpoint, beside which an ONNX file is an export of them. */
function hasWeights(folder: string): boolean {
  return HUB_WEIGHTS.some((name) => exists(join(folder, name)));
}

async function inspectOnnx(from: string | URL): Promise<Inspection> {
  const { bytes, tensors, metadata, ...graph } = await readOnnx(from);
  return {
    path: String(from),
    bytes,
    container: "onnx",
    wrappers: [],
    tensors: [...tensors],
    parameters: countParameters(tensors),
    metadata,
    graph,
    teacher: await teacherOf(String(from)),
  };
}

async function teacherOf(path: string): Promise<Inspection["teacher"]> {
  try {
    return await readVisionFile(path);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { refused: error.message };
  }
}

/** One line that says what a file is: `vit.pth: unilm pretrain, ViT of 12 blocks …`. */
export function describeInspection(found: Inspection): string {
  const size = `${(found.bytes / 1e6).toFixed(1)} MB`;
  const count = `${found.tensors.length} tensors, ${found.parameters} parameters, ${size}`;
  const { shape, kind, format } = found;
  if (!shape) return `${basename(found.path)}: ${found.container}, ${count}`;
  const head = {
    pretrain: `, ${shape.codes} codes`,
    finetune: `, ${shape.classes} classes`,
    tokenizer: `, ${shape.codes} codes of ${shape.codeDim}`,
    encoder: "",
  }[kind!];
  return `${basename(found.path)}: ${format} ${kind}, ${shape.depth} blocks of width ` +
    `${shape.embedDim}, patch ${shape.patchSize}, ${shape.imageSize} px${head}; ${count}`;
}
