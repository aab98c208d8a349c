/**
 * Opens anyone's BEiT under our names.
 *
 * @module
 */

import { UserError } from "../core/errors.ts";
import { type CheckpointFiles, openCheckpointFiles } from "./store/checkpoint_files.ts";
import { adaptPositions } from "./formats/adapt_positions.ts";
import { compareTensors, type FitReport } from "./formats/expected_tensors.ts";
import { familyOf, foreignNaming, fromForeign, type ModelFamily } from "./formats/families/mod.ts";
import {
  detectFormat,
  type ModelFormat,
  reasonToDrop,
  toOurNames,
  withoutWrapperPrefix,
} from "./formats/model_format.ts";
import { inferShape, kindOf, type ModelKind, type ModelShape } from "./formats/model_shape.ts";
import type { Preprocessing } from "./hub/preprocessing.ts";
import type { TensorMap } from "./tensors/tensor_data.ts";

/** What a file's tensors became. */
export interface LoadReport extends Omit<FitReport, "leftOver"> {
  /** Known but not needed: buffers, teachers. Names as in the file. */
  dropped: { name: string; reason: string }[];
  /** Not part of any known model. */
  unknown: string[];
}

/** A checkpoint under our names. */
export interface ModelCheckpoint {
  /** Whose names the files use. */
  readonly format: ModelFormat;
  /** What the model is: see {@link ModelKind}. */
  readonly kind: ModelKind;
  /** `beit`, or whichever other family its encoder belongs to; not for a tokenizer. */
  readonly family: ModelFamily;
  /** The model's shape, from its tensors and metadata. */
  readonly shape: ModelShape;
  /** How its images are preprocessed and what its classes are called, if the files say so. */
  readonly preprocessing: Preprocessing | undefined;
  /** The classes' names by number, if the files say so. */
  readonly classNames: readonly string[] | undefined;
  /** The tokenizer whose codes it predicts, bundled or published, if the file names it. */
  readonly tokenizer: string | undefined;
  /** The tensors of the model, read lazily. */
  readonly tensors: TensorMap;
  /** What came with it but belongs to another part, such as the tokenizer next to a model. */
  readonly rest: TensorMap;
  /** What was renamed, missing or unused. */
  readonly report: LoadReport;
  /** The file's own string metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Closes the file; tensors that have not been read are then out of reach. */
  close(): void;
}

/** How to open a model. */
export interface OpenModelOptions {
  /**
   * `tokenizer` extracts the tokenizer from a pretraining checkpoint that contains it, `teacher` a tokenizer's
   * teacher from its checkpoint; if there is no such part, the whole is used.
   */
  part?: "model" | "tokenizer" | "teacher";
  /** What else is known, such as the number of heads. */
  shape?: Partial<ModelShape>;
}

const OWN_TABLE = /^blocks\.\d+\.attn\.relative_position_bias_table$/;

const TOKENIZER_PREFIX = "target_generator.";

/**
 * Tensors of a BEiT's other parts, and of stages that a user trained with it; they are kept when another kind
 * of model does not need them.
 */
const KNOWN_PARTS =
  /^(stages|target_generator|decoder|decode_task_layer|lm_head|cls_pt_layers|cls_pt_norm|cls_pt_lm_head|norm|fc_norm|head|projection|quantize)\.|^(mask_token|pos_embed)$/;

function splitParts(
  all: TensorMap,
  part: "model" | "tokenizer",
): { wanted: TensorMap; others: TensorMap } {
  const hasModel = all.has("blocks.0.attn.qkv.weight");
  const tokenizer: TensorMap = new Map();
  const model: TensorMap = new Map();
  for (const [name, tensor] of all) {
    if (name.startsWith(TOKENIZER_PREFIX)) {
      tokenizer.set(name.slice(TOKENIZER_PREFIX.length), tensor);
    } else model.set(name, tensor);
  }
  const wantsTokenizer = tokenizer.size > 0 && (part === "tokenizer" || !hasModel);
  if (wantsTokenizer) return { wanted: tokenizer, others: model };
  const others = [...tokenizer].map(([name, tensor]) => [TOKENIZER_PREFIX + name, tensor] as const);
  return { wanted: model, others: new Map(others) };
}

/** A model from tensors at hand; `where` is for messages. */
export function modelOfTensors(
  tensors: TensorMap,
  where: string,
  options: OpenModelOptions = {},
): ModelCheckpoint {
  return understand({ path: where, tensors, rest: new Map(), metadata: {}, close() {} }, options);
}

/** The parts of opened files that determine the model. */
type Understood =
  & Pick<CheckpointFiles, "path" | "tensors" | "rest" | "metadata" | "close">
  & Partial<
    Pick<CheckpointFiles, "format" | "shape" | "preprocessing" | "classNames" | "tokenizer">
  >;

function understand(files: Understood, options: OpenModelOptions): ModelCheckpoint {
  const bare = teacherIn(files.tensors, options) ?? withoutWrapperPrefix(files.tensors);
  const report: LoadReport = { dropped: [], unknown: [], missing: [], wrongShape: [] };
  const { format, all, told } = underOurNames(files, bare, report);
  if (files.rest.has("rel_pos_bias.relative_position_bias_table")) {
    // An export to timm copied the shared table into the blocks and stored it aside.
    for (const name of [...all.keys()].filter((name) => OWN_TABLE.test(name))) all.delete(name);
  }
  for (const [name, tensor] of files.rest) all.set(name, tensor);
  const { wanted, others } = splitParts(all, options.part === "tokenizer" ? "tokenizer" : "model");
  const kind = kindOf(wanted);
  if (!kind || (options.part === "tokenizer" && kind !== "tokenizer")) {
    const what = options.part === "tokenizer" ? "tokenizer" : "encoder";
    throw new UserError(`Cannot load "${files.path}": it holds no ${what}`);
  }
  const shape = inferShape(wanted, kind, { ...told, ...files.shape, ...options.shape });
  const fit = compareTensors(wanted, kind, shape);
  const rest: TensorMap = new Map(others);
  for (const name of fit.leftOver) {
    if (KNOWN_PARTS.test(name)) rest.set(name, wanted.get(name)!);
    else report.unknown.push(name);
  }
  const leftOver = new Set(fit.leftOver);
  const tensors: TensorMap = new Map([...wanted].filter(([name]) => !leftOver.has(name)));
  report.missing = fit.missing;
  report.wrongShape = fit.wrongShape;
  const { metadata, preprocessing, classNames, tokenizer } = files;
  const hasBothTables = shape.usesSharedRelativePositionBias && shape.usesRelativePositionBias;
  return {
    format,
    kind,
    family: familyOf(wanted),
    report,
    metadata,
    preprocessing,
    classNames: classNames?.length === shape.classes ? classNames : undefined,
    tokenizer,
    rest,
    close: () => files.close(),
    // Their sum gives the same model, and our models have one or the other.
    ...hasBothTables
      ? adaptPositions(tensors, shape, { usesRelativePositionBias: true })
      : { tensors, shape },
  };
}

/** The teacher's tensors in a tokenizer's checkpoint, if it holds one. */
function teacherIn(tensors: TensorMap, { part }: OpenModelOptions): TensorMap | undefined {
  if (part !== "teacher") return undefined;
  const found = [...tensors].flatMap(([name, tensor]) => {
    const rest = /^(?:module\.)?teacher_model\.(.*)$/.exec(name)?.[1];
    return rest === undefined ? [] : [[rest, tensor] as const];
  });
  return found.length > 0 ? withoutWrapperPrefix(new Map(found)) : undefined;
}

/** A file's tensors under our names, and what its naming scheme says about the shape. */
function underOurNames(
  files: Understood,
  bare: TensorMap,
  report: LoadReport,
): { format: ModelFormat; all: TensorMap; told: Partial<ModelShape> } {
  const naming = files.format === "mimic" ? undefined : foreignNaming(bare.keys());
  if (naming !== undefined) {
    const { tensors, dropped } = fromForeign(naming, bare, files.path);
    report.dropped.push(...dropped);
    return { format: naming.format, all: tensors, told: naming.shape };
  }
  const format = files.format ?? detectFormat(bare.keys());
  if (!format) {
    throw new UserError(
      `Cannot load "${files.path}": its tensors do not belong to a known BEiT, nor to a ViT, ` +
        "DINO, DINOv2, MAE, CLIP or SigLIP",
    );
  }
  const kept: TensorMap = new Map();
  for (const [name, tensor] of bare) {
    const reason = reasonToDrop(name);
    if (reason) report.dropped.push({ name, reason });
    else kept.set(name, tensor);
  }
  // What every published BEiT has, for files without their config.
  const told = format === "huggingface" ? { normEpsilon: 1e-12 } : {};
  return { format, all: toOurNames(format, kept), told };
}

/**
 * Opens a checkpoint of mmselfsup, mmpretrain, unilm, timm, Hugging Face or our own, by file, hub folder, run
 * directory or URL; likewise ViT, DINO, DINOv2, MAE, CLIP and SigLIP. The naming scheme is recognised by the
 * keys. Whatever is dropped, unknown, missing or of the wrong shape is listed in the report; nothing is read
 * until it is needed.
 *
 * @example A unilm file
 * ```ts
 * import { openModel } from "./open_model.ts";
 * import { writePth } from "./pth/pth_writer.ts";
 * import { expectedTensors } from "./formats/expected_tensors.ts";
 * const shape = {
 *   imageSize: 16, patchSize: 8, embedDim: 8, depth: 1, heads: 2, mlpRatio: 4,
 *   layerScaleInitValue: 0.1, usesAbsolutePositions: false, classes: 3,
 *   usesSharedRelativePositionBias: false, usesRelativePositionBias: true,
 * };
 * const zeros = (shape: readonly number[]) => new Float32Array(shape.reduce((a, b) => a * b, 1));
 * const model = new Map([...expectedTensors("finetune", shape)].map(([name, shape]) =>
 *   [name, { dtype: "F32", shape, data: zeros(shape) } as const]
 * ));
 * const path = await Deno.makeTempFile({ suffix: ".pth" });
 * await writePth(path, { model });
 * const opened = await openModel(path);
 * if (opened.kind !== "finetune" || opened.shape.classes !== 3) throw new Error(opened.kind);
 * if (opened.report.missing.length > 0) throw new Error(opened.report.missing.join());
 * opened.close();
 * await Deno.remove(path);
 * ```
 */
export async function openModel(
  from: string | URL,
  options: OpenModelOptions = {},
): Promise<ModelCheckpoint> {
  return modelOfFiles(await openCheckpointFiles(from), options);
}

/** The model of opened files, which are closed if they hold none. */
export function modelOfFiles(
  files: CheckpointFiles,
  options: OpenModelOptions = {},
): ModelCheckpoint {
  try {
    return understand(files, options);
  } catch (error) {
    files.close();
    throw error;
  }
}

/**
 * Throws a `UserError` that names the first tensors that are missing or have the wrong shape.
 *
 * @param what what was being loaded, for the message
 */
export function requireWhole(report: LoadReport, what: string): void {
  const [wrong] = report.wrongShape;
  if (wrong) {
    throw new UserError(
      `Cannot load "${wrong.name}" of ${what}: expected shape [${wrong.expected.join(", ")}], ` +
        `found [${wrong.found.join(", ")}]`,
    );
  }
  if (report.missing.length > 0) {
    const [first] = report.missing;
    const others = report.missing.length > 1 ? ` and ${report.missing.length - 1} more` : "";
    throw new UserError(`Cannot load ${what}: "${first}"${others} missing`);
  }
}
