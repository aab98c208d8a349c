/** A model as a folder that transformers.js and Hugging Face's transformers load as it is. */
import { basename, join } from "node:path";
import { hasMetricName } from "../core/metric_names.ts";
import { convertCheckpoint, type ConvertOptions } from "../checkpoints/convert.ts";
import { makeFolder } from "../checkpoints/convert_writers.ts";
import { openModel } from "../checkpoints/open_model.ts";
import { exportOnnxFile } from "../checkpoints/onnx/export_onnx.ts";
import type { OnnxPrecision } from "../checkpoints/onnx/graph_builder.ts";
import { writeTextFile } from "../checkpoints/store/result_store.ts";
import {
  type FinishedRun,
  finishedRun,
  readRunConfig,
} from "../checkpoints/store/run_directory.ts";
import { type BestModel, bestModelFile } from "../methods/classify/evaluation.ts";
import { runConfig, runDirectoryOf } from "../pipeline/images/preparation.ts";
import { type MeasureOptions, type TestedOn, VariantTest } from "./measure_variants.ts";
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

/** The step of the weights and what their run measured with them; null if it has not, or is not finished. */
function measuredBy(
  run: string | null,
  from: string,
): { readonly step: number; readonly figures: Record<string, number> } | null {
  const finished = run === null ? null : finishedRun(run) as FinishedRun & { best?: BestModel };
  // A run's directory stands for its last weights.
  if (finished === null || from === run) {
    return finished && { step: finished.step, figures: figuresIn(finished) };
  }
  const { best } = finished;
  if (best == null || basename(from) !== bestModelFile) return null;
  return { step: best.step, figures: figuresIn(best) };
}

/** The recipe that a run was started with, as its config names it; null if it is not known. */
function recipeOf(run: string | null): string | null {
  const stored = run === null ? null : readRunConfig(run) as { origins?: { task?: string } } | null;
  return /^(.+\.[a-z]+):\d+$/.exec(stored?.origins?.task ?? "")?.[1] ?? null;
}

/** How to export, and whether to measure the result. */
export interface ExportFolderOptions extends Omit<ConvertOptions, "to"> {
  /** Measures each variant of a classifier on labelled images; default: on none. */
  readonly evaluation?: MeasureOptions | undefined;
}

/** What was written. */
export interface ExportedFolder {
  /** Paths below the folder. */
  readonly files: readonly string[];
  readonly variants: readonly ExportedVariant[];
  /** The images that the variants were measured on; null if they were not. */
  readonly tested: TestedOn | null;
}

/**
 * Writes `model.safetensors` and the configs that Hugging Face's libraries read, the model as ONNX in
 * float32, float16 and 8 bits (input `pixel_values`, outputs `logits` or `last_hidden_state` and
 * `pooler_output`), and a model card with the figures of its run.
 *
 * @param from a run, a file or a hub folder
 * @throws UserError if it cannot be read, has no such class, the folder cannot be written, or there are no
 * images to measure it on
 */
export async function exportFolder(
  from: string,
  folder: string,
  { evaluation, ...options }: ExportFolderOptions = {},
): Promise<ExportedFolder> {
  const model = await openModel(from, options);
  model.close();
  const { kind, shape } = model;
  const classNames = options.classNames ?? model.classNames ?? null;
  const test = evaluation === undefined ? null : await VariantTest.open({
    ...{ checkpoint: from, kind, classNames },
    ...{ classes: shape.classes, imageSize: shape.imageSize },
  }, evaluation);
  try {
    const { files } = await convertCheckpoint(from, folder, { to: "huggingface", ...options });
    const written: ExportedVariant[] = [];
    makeFolder(join(folder, "onnx"));
    for (const { dtype, file, precision } of variants) {
      const path = join(folder, file);
      const named = { ...options, precision, names: "huggingface" } as const;
      written.push({ dtype, file, ...await exportOnnxFile(from, path, named) });
    }
    const paths = written.map(({ file }) => join(folder, file));
    const measured = await test?.measure(paths);
    const measuredVariants = written.map((variant, index) => ({
      ...variant,
      ...(measured === undefined ? {} : { accuracy: measured.accuracies[index] }),
    }));
    const tested = measured?.on ?? null;
    const run = runDirectoryOf(from);
    const config = runConfig(from);
    const measuredThere = measuredBy(run, from);
    const card = modelCard({
      kind,
      shape,
      classNames: classNames ?? [],
      data: config?.data?.source ?? null,
      startedFrom: config?.pretrained ?? null,
      recipe: recipeOf(run),
      steps: measuredThere?.step ?? null,
      figures: measuredThere?.figures ?? {},
      variants: measuredVariants,
      tested,
    });
    const readme = join(folder, "README.md");
    writeTextFile(readme, card);
    return { files: [...files, ...paths, readme], variants: measuredVariants, tested };
  } finally {
    test?.close();
  }
}
