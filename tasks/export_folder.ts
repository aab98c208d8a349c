/** A model as a folder that transformers.js and Hugging Face's transformers load as it is. */
import { join } from "node:path";
import { hasMetricName } from "../core/metric_names.ts";
import { convertCheckpoint, type ConvertOptions } from "../checkpoints/convert.ts";
import { makeFolder } from "../checkpoints/convert_writers.ts";
import { openModel } from "../checkpoints/open_model.ts";
import { exportOnnxFile } from "../checkpoints/onnx/export_onnx.ts";
import type { OnnxPrecision } from "../checkpoints/onnx/graph_builder.ts";
import { writeTextFile } from "../checkpoints/store/result_store.ts";
import { finishedRun } from "../checkpoints/store/run_directory.ts";
import { runConfig, runDirectoryOf } from "../pipeline/images/preparation.ts";
import { type ExportedVariant, modelCard } from "./model_card.ts";

/** The variants by the names that transformers.js gives them; `q8` is its default in the browser. */
const variants: readonly {
  readonly dtype: ExportedVariant["dtype"];
  readonly file: string;
  readonly precision: OnnxPrecision;
}[] = [
  { dtype: "fp32", file: "onnx/model.onnx", precision: "float32" },
  { dtype: "fp16", file: "onnx/model_fp16.onnx", precision: "float16" },
  { dtype: "q8", file: "onnx/model_quantized.onnx", precision: "int8" },
];

/** The named numbers of a run's result, as `features/knnTop1`. */
function figuresIn(value: unknown, place = ""): Record<string, number> {
  if (typeof value !== "object" || value === null) return {};
  const found = Object.entries(value).map(([key, inner]) => {
    if (typeof inner !== "number") return figuresIn(inner, key === "evaluation" ? "" : `${key}/`);
    const name = place + key;
    return hasMetricName(name) && key !== "step" ? { [name]: inner } : {};
  });
  return Object.assign({}, ...found);
}

/** What was written. */
export interface ExportedFolder {
  /** Paths below the folder. */
  readonly files: readonly string[];
  readonly variants: readonly ExportedVariant[];
}

/**
 * Writes `model.safetensors` and the configs that Hugging Face's libraries read, the model as ONNX in
 * float32, float16 and 8 bits (input `pixel_values`, outputs `logits` or `last_hidden_state` and
 * `pooler_output`), and a model card with the figures of its run.
 *
 * @param from a run, a file or a hub folder
 * @throws UserError if it cannot be read, has no such class, or the folder cannot be written
 */
export async function exportFolder(
  from: string,
  folder: string,
  options: Omit<ConvertOptions, "to"> = {},
): Promise<ExportedFolder> {
  const { files } = await convertCheckpoint(from, folder, { to: "huggingface", ...options });
  const written: ExportedVariant[] = [];
  makeFolder(join(folder, "onnx"));
  for (const { dtype, file, precision } of variants) {
    const path = join(folder, file);
    const named = { ...options, precision, names: "huggingface" } as const;
    written.push({ dtype, file, ...await exportOnnxFile(from, path, named) });
  }
  const model = await openModel(from, options);
  const run = runDirectoryOf(from);
  const finished = run === null ? null : finishedRun(run);
  const card = modelCard({
    kind: model.kind,
    shape: model.shape,
    classNames: options.classNames ?? model.classNames ?? [],
    data: runConfig(from)?.data?.source ?? null,
    steps: finished?.step ?? null,
    figures: figuresIn(finished),
    variants: written,
  });
  model.close();
  writeTextFile(join(folder, "README.md"), card);
  return {
    files: [...files, ...written.map(({ file }) => join(folder, file)), join(folder, "README.md")],
    variants: written,
  };
}
