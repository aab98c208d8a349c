/**
 * From anyone's checkpoint to anyone else's.
 *
 * @module
 */

import { messageOf, UserError } from "../core/errors.ts";
import { type ConvertDType, convertDType } from "./tensors/convert_dtype.ts";
import { type ConvertTarget, writeExport } from "./convert_writers.ts";
import { adaptPositions } from "./formats/adapt_positions.ts";
import { type ModelFormat, toFormatNames } from "./formats/model_format.ts";
import type { ModelShape } from "./formats/model_shape.ts";
import { type LoadReport, type ModelCheckpoint, openModel, requireWhole } from "./open_model.ts";
import { defaultPreprocessing, type Preprocessing } from "./hub/preprocessing.ts";
import type { TensorMap } from "./tensors/tensor_data.ts";

/** How to convert. */
export interface ConvertOptions {
  to: ConvertTarget;
  /** What is known of the model otherwise, such as its number of heads. */
  shape?: Partial<ModelShape>;
  /** What to take out of a pretraining checkpoint that contains its tokenizer; both by default. */
  part?: "model" | "tokenizer";
  /** How images are prepared; by default as the files say, else as for BEiT v2. */
  preprocessing?: Preprocessing;
  /** What the classes are called; by default as the files say. */
  classNames?: readonly string[];
  /** The type of every floating-point tensor but the codebook's; by default each keeps its own. */
  dtype?: ConvertDType;
  /** Write a model that is not whole; what it lacks is listed. */
  allowMissing?: boolean;
  /** Told after each tensor: how many are read and written, of how many. */
  onProgress?: (done: number, total: number) => void;
}

/** What was done. */
export interface ConvertReport extends LoadReport {
  from: ModelFormat;
  to: ConvertTarget;
  kind: string;
  /** Tensors in the main file. */
  tensors: number;
  /**
   * Our names of tensors that the other side's model class has no place for. They are kept where its
   * loader does not look, so that converting back loses nothing.
   */
  aside: string[];
  /** In what the model there differs from this one. */
  notes: string[];
  /** The files written. */
  files: string[];
}

const FORMAT_OF: Record<ConvertTarget, ModelFormat> = {
  timm: "timm",
  mmselfsup: "mmselfsup",
  unilm: "unilm",
  huggingface: "huggingface",
  safetensors: "mimic",
};

/** What of a model goes out: the whole, or the part that was asked for. */
function chosenParts({ tensors, rest }: ModelCheckpoint, part: ConvertOptions["part"]): TensorMap {
  const others = part === undefined
    ? rest
    : part === "tokenizer"
    ? new Map()
    : [...rest].filter(([name]) => !name.startsWith("target_generator."));
  return new Map([...tensors, ...others]);
}

/** Refuses a model that is not whole, with the way to have it anyway. */
function requireWholeModel(report: LoadReport, from: string | URL): void {
  try {
    requireWhole(report, `"${from}"`);
  } catch (error) {
    throw new UserError(messageOf(error), {
      hint: "give the whole model, or write what there is with --allow-missing",
      cause: error,
    });
  }
}

/**
 * The tensors that go to timm: a shared relative-position table in every block, as its architectures
 * have them. The table itself is kept aside, so that the way back finds it.
 */
function withBlockTables(all: TensorMap, shape: ModelShape): { all: TensorMap; shape: ModelShape } {
  const adapted = adaptPositions(all, shape, { usesRelativePositionBias: true });
  const shared = [...all].filter(([name]) => name.startsWith("rel_pos_bias."));
  return { all: new Map([...adapted.tensors, ...shared]), shape: adapted.shape };
}

/** What the classes of timm, unilm and mmselfsup cannot be told. */
function differences(to: ConvertTarget, { family, shape }: ModelCheckpoint): string[] {
  const { normEpsilon = 1e-6 } = shape;
  const theirs = family === "clip" ? 1e-5 : 1e-6;
  if (normEpsilon === theirs || to === "huggingface" || to === "safetensors") return [];
  return [
    `The model's layer norms have the epsilon ${normEpsilon}, those of ${to}'s class ${theirs}: ` +
    "outputs differ by up to a few 1e-4",
  ];
}

/** Hands on tensors that tell when they are read, which the writers do one after the other. */
function counting(total: number, tell: ConvertOptions["onProgress"]) {
  let done = 0;
  return (map: TensorMap): TensorMap =>
    new Map(Array.from(map, ([name, tensor]) => {
      const read = async () => {
        const data = await tensor.read();
        tell?.(++done, total);
        return data;
      };
      return [name, { ...tensor, read }] as const;
    }));
}

/**
 * Converts a checkpoint. `out` is a file for `safetensors`, `unilm` and `mmselfsup`, a folder for
 * `huggingface`, and for `timm` a folder, or a file where it ends in `.safetensors` or `.pth`. One
 * tensor is in memory at a time. Nothing of the model is lost: what the other side's class has no
 * place for is put aside where its loader does not look, and listed.
 *
 * @example To mmselfsup's names and back
 * ```ts
 * import { convertCheckpoint } from "./convert.ts";
 * import { expectedTensors } from "./formats/expected_tensors.ts";
 * import { openModel } from "./open_model.ts";
 * import { writeSafetensors } from "./safetensors/safetensors_writer.ts";
 * const shape = {
 *   imageSize: 16, patchSize: 8, embedDim: 8, depth: 1, heads: 2, mlpRatio: 4,
 *   layerScaleInitValue: 0.1, usesAbsolutePositions: false, codes: 5, headLayers: 1,
 *   usesSharedRelativePositionBias: true, usesRelativePositionBias: false,
 * };
 * const zeros = (shape: number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
 * const folder = await Deno.makeTempDir();
 * await writeSafetensors(`${folder}/in.safetensors`, [...expectedTensors("pretrain", shape)].map(
 *   ([name, shape]) => [name, { dtype: "F32", shape, data: zeros(shape) }] as const,
 * ));
 * const report = await convertCheckpoint(`${folder}/in.safetensors`, `${folder}/out.pth`, {
 *   to: "mmselfsup",
 * });
 * const model = await openModel(`${folder}/out.pth`);
 * if (model.format !== "mmselfsup" || model.report.missing.length > 0) throw new Error();
 * if (report.kind !== "pretrain" || report.aside.length > 0) throw new Error();
 * model.close();
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export async function convertCheckpoint(
  from: string | URL,
  out: string,
  options: ConvertOptions,
): Promise<ConvertReport> {
  const { to } = options;
  const model = await openModel(from, { shape: options.shape, part: options.part });
  try {
    const { kind, family } = model;
    if (!options.allowMissing) requireWholeModel(model.report, from);
    const parts = chosenParts(model, options.part);
    const { all, shape } = to === "timm" && model.shape.usesSharedRelativePositionBias
      ? withBlockTables(parts, model.shape)
      : { all: parts, shape: model.shape };
    const { tensors, rest } = toFormatNames(FORMAT_OF[to], { kind, family, shape }, all);
    const counted = counting(tensors.size + rest.size, options.onProgress);
    const inType = (map: TensorMap) =>
      counted(options.dtype ? convertDType(map, options.dtype) : map);
    const preprocessing = options.preprocessing ?? model.preprocessing ??
      defaultPreprocessing(shape);
    const files = await writeExport(to, {
      out,
      kind,
      family,
      shape,
      tensors: inType(tensors),
      rest: inType(rest),
      preprocessing,
      classNames: options.classNames ?? model.classNames,
    });
    return {
      from: model.format,
      to,
      kind,
      tensors: tensors.size,
      aside: [...rest.keys()],
      notes: differences(to, model),
      files,
      ...model.report,
    };
  } finally {
    model.close();
  }
}
