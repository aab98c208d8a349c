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
  /** The format to write. */
  to: ConvertTarget;
  /** What else is known about the model, such as its number of heads. */
  shape?: Partial<ModelShape>;
  /** What to extract from a pretraining checkpoint that contains its tokenizer; default: both. */
  part?: "model" | "tokenizer";
  /** How images are preprocessed; default: as the files say, otherwise as for BEiT v2. */
  preprocessing?: Preprocessing;
  /** The class names; default: as the files say. */
  classNames?: readonly string[];
  /** The tokenizer whose codes the model predicts, bundled or published; default: as the files say. */
  tokenizer?: string;
  /** The type for every floating-point tensor except the codebook's; default: each keeps its own. */
  dtype?: ConvertDType;
  /** Write an incomplete model; whatever is missing is listed. */
  allowMissing?: boolean;
  /** Called after each tensor with how many have been read and written, and the total. */
  onProgress?: (done: number, total: number) => void;
}

/** The result of a conversion. */
export interface ConvertReport extends LoadReport {
  /** The format that was read. */
  from: ModelFormat;
  /** The format that was written. */
  to: ConvertTarget;
  /** What the model is: `pretrain`, `finetune`, `tokenizer` or `encoder`. */
  kind: string;
  /** Tensors in the main file. */
  tensors: number;
  /**
   * Our names for tensors that the other library's model class has no place for. They are stored where its
   * loader does not look, so that converting back loses nothing.
   */
  aside: string[];
  /** How the model there differs from this one. */
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

/** What to write: the whole model, or the requested part. */
function chosenParts({ tensors, rest }: ModelCheckpoint, part: ConvertOptions["part"]): TensorMap {
  const others = part === undefined
    ? rest
    : part === "tokenizer"
    ? new Map()
    : [...rest].filter(([name]) => !name.startsWith("target_generator."));
  return new Map([...tensors, ...others]);
}

/** Rejects an incomplete model, with the flag that allows it. */
function requireWholeModel(report: LoadReport, from: string | URL): void {
  try {
    requireWhole(report, `"${from}"`);
  } catch (error) {
    throw new UserError(messageOf(error), {
      hint: "give the complete model, or write what there is with --allow-missing",
      cause: error,
    });
  }
}

/**
 * The tensors for timm: a shared relative-position table is copied into every block, as its architectures
 * expect. The table itself is stored aside for converting back.
 */
function withBlockTables(all: TensorMap, shape: ModelShape): { all: TensorMap; shape: ModelShape } {
  const adapted = adaptPositions(all, shape, { usesRelativePositionBias: true });
  const shared = [...all].filter(([name]) => name.startsWith("rel_pos_bias."));
  return { all: new Map([...adapted.tensors, ...shared]), shape: adapted.shape };
}

/** What the classes in timm, unilm and mmselfsup cannot represent. */
function differences(to: ConvertTarget, { family, shape }: ModelCheckpoint): string[] {
  const { normEpsilon = 1e-6 } = shape;
  const theirs = family === "clip" ? 1e-5 : 1e-6;
  if (normEpsilon === theirs || to === "huggingface" || to === "safetensors") return [];
  return [
    `The model's layer norms have an epsilon of ${normEpsilon}, and those of ${to}'s class ${theirs}: ` +
    "outputs differ by up to a few 1e-4",
  ];
}

/** Passes on tensors that report when they are read, which the writers do one after another. */
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
 * `huggingface`, and for `timm` a folder, or a file if it ends in `.safetensors` or `.pth`. One
 * tensor is in memory at a time. Nothing in the model is lost: what the other library's class has
 * no place for is stored where its loader does not look, and listed.
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
 * const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
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
      tokenizer: kind === "pretrain" ? options.tokenizer ?? model.tokenizer : undefined,
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
