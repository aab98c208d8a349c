/**
 * Loading a pretrained encoder in any known format: where every downstream task starts.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import { adaptPositions, type PositionTarget } from "../../checkpoints/formats/adapt_positions.ts";
import { expectedTensors } from "../../checkpoints/formats/expected_tensors.ts";
import type { Preprocessing } from "../../checkpoints/hub/preprocessing.ts";
import type { ModelKind, ModelShape } from "../../checkpoints/formats/model_shape.ts";
import { type ModelCheckpoint, requireWhole } from "../../checkpoints/open_model.ts";
import { openWeights } from "../../checkpoints/hub/open_weights.ts";
import { toFloat32 } from "../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../core/errors.ts";
import type { TransformerTraits } from "../../core/transformer_traits.ts";
import type { BeitConfig } from "../../models/beit_config.ts";
import { BeitEncoder, encoderSpecs } from "../../models/beit_encoder.ts";
import { initialiseFrom, type NamedValues, ParameterSet } from "../../models/parameter_set.ts";

/** The weights of a checkpoint under our names, in memory, and their shape. */
export interface PretrainedWeights {
  readonly kind: ModelKind;
  readonly shape: ModelShape;
  readonly values: ReadonlyMap<string, NamedValues>;
  /** The names of the classes, if the files have them. */
  readonly classNames: readonly string[] | undefined;
  /** How images are preprocessed, if the files say so. */
  readonly preprocessing: Preprocessing | undefined;
}

/** What to read, and how. */
export interface ReadOptions extends PositionTarget {
  /** How to fetch weights named by a model card. */
  readonly downloads?: DownloadOptions;
  /**
   * Called with the shape before any weights are read; may throw, for instance if there is not
   * enough memory.
   */
  readonly onShape?: (shape: ModelShape) => void;
}

/** What a downstream task needs of a checkpoint: the encoder and a classifier's head. */
function neededTensors(kind: ModelKind, shape: ModelShape): Map<string, readonly number[]> {
  return expectedTensors(kind === "finetune" ? "finetune" : "encoder", shape);
}

/** Throws a `UserError` for a tokenizer, or an encoder that is not complete. */
export function requireEncoder({ kind, report, shape }: ModelCheckpoint, checkpoint: string): void {
  if (kind === "tokenizer") {
    throw new UserError(`Cannot extract features from "${checkpoint}": it is a tokenizer`, {
      hint: "give a pretrained or fine-tuned model",
    });
  }
  const needed = neededTensors(kind, shape);
  requireWhole({
    ...report,
    missing: report.missing.filter((name) => needed.has(name)),
    wrongShape: report.wrongShape.filter(({ name }) => needed.has(name)),
  }, `the model "${checkpoint}"`);
}

/**
 * Reads the encoder of a checkpoint, and its classifier if there is one. The parts used only in pretraining
 * (mask token, shared norm, heads, aggregation, tokenizer) stay on disk.
 *
 * @param checkpoint a run directory (its last checkpoint), a file in any known format, the name of a model
 * card, or a URL
 * @throws UserError if it is missing, broken, incomplete, or a tokenizer
 */
export async function readPretrained(
  checkpoint: string,
  options: ReadOptions = {},
): Promise<PretrainedWeights> {
  const { downloads = {}, ...target } = options;
  const opened = await openWeights(checkpoint, downloads);
  try {
    return await readOpened(opened, checkpoint, target);
  } finally {
    opened.close();
  }
}

/** The same from an opened checkpoint; `name` is for messages. */
export async function readOpened(
  opened: ModelCheckpoint,
  name: string,
  { onShape, ...target }: Omit<ReadOptions, "downloads"> = {},
): Promise<PretrainedWeights> {
  const { kind, classNames, preprocessing } = opened;
  requireEncoder(opened, name);
  const { tensors, shape } = adaptPositions(opened.tensors, opened.shape, target);
  onShape?.(shape);
  const values = new Map<string, NamedValues>();
  const wanted = neededTensors(kind, shape);
  for (const [name, tensor] of tensors) {
    if (!wanted.has(name)) continue;
    values.set(name, { shape: tensor.shape, values: toFloat32(await tensor.read()) });
  }
  return { kind, shape, values, classNames, preprocessing };
}

const traits = [
  "normEpsilon",
  "attentionBias",
  "activation",
  "hasInputNorm",
  "registers",
  "hasClassToken",
  "pooling",
] as const satisfies readonly (keyof TransformerTraits)[];

/** How a shape differs from BEiT. */
export function traitsOf(shape: ModelShape): TransformerTraits {
  const found = traits.filter((trait) => shape[trait] !== undefined);
  return Object.fromEntries(found.map((trait) => [trait, shape[trait]]));
}

/** The model config for weights that have been read; without drop path, masking or aggregation. */
export function configOfShape(shape: ModelShape): BeitConfig {
  return {
    imageSize: shape.imageSize,
    patchSize: shape.patchSize,
    embedDim: shape.embedDim,
    depth: shape.depth,
    heads: shape.heads,
    mlpRatio: shape.mlpRatio,
    layerScaleInitValue: shape.layerScaleInitValue,
    usesAbsolutePositions: shape.usesAbsolutePositions,
    usesSharedRelativePositionBias: shape.usesSharedRelativePositionBias,
    usesRelativePositionBias: shape.usesRelativePositionBias,
    ...(shape.classes === undefined ? {} : { classes: shape.classes }),
    ...traitsOf(shape),
    dropPathRate: 0,
    dropPathTwice: false,
    earlyLayers: 0,
    headLayers: 0,
    codes: 1,
    initVariant: "unilm",
  };
}

/** A frozen encoder with its parameters. */
export interface LoadedEncoder {
  /** The encoder, its relative positions resized to the wanted image size. */
  readonly encoder: BeitEncoder;
  /** Its shape. */
  readonly config: BeitConfig;
  /** Its parameters; none of them is trained. */
  readonly parameters: ParameterSet;
  /** How its images are preprocessed, if its files say so. */
  readonly preprocessing?: Preprocessing | undefined;
  /** Frees the parameters. */
  dispose(): void;
}

/**
 * Loads the encoder of a checkpoint onto a backend.
 *
 * @param options `imageSize` interpolates the positions to another size
 * @throws UserError as {@link readPretrained}
 *
 * @example An encoder from a file
 * ```ts
 * import { createBackend } from "../../backends/mod.ts";
 * import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
 * import { loadEncoder } from "./load_encoder.ts";
 * import { expectedTensors } from "../../checkpoints/formats/expected_tensors.ts";
 *
 * const shape = {
 *   imageSize: 8, patchSize: 4, embedDim: 8, depth: 2, heads: 2, mlpRatio: 2,
 *   layerScaleInitValue: 0.1, usesAbsolutePositions: false,
 *   usesSharedRelativePositionBias: true, usesRelativePositionBias: false,
 * };
 * const path = await Deno.makeTempFile({ suffix: ".safetensors" });
 * await writeSafetensors(path, [...expectedTensors("encoder", shape)].map(([name, shape]) =>
 *   [name, { dtype: "F32", shape, data: new Float32Array(shape.reduce((a, b) => a * b)) }] as const
 * ));
 * const { backend } = await createBackend("reference");
 * const { config, dispose } = await loadEncoder({ backend, precision: "float32" }, path);
 * if (config.depth !== 2 || config.heads !== 2) throw new Error();
 * dispose();
 * await backend.dispose();
 * await Deno.remove(path);
 * ```
 */
export async function loadEncoder(
  on: Context,
  checkpoint: string,
  options: Omit<ReadOptions, "usesRelativePositionBias"> = {},
): Promise<LoadedEncoder> {
  return encoderOf(on, await readPretrained(checkpoint, options));
}

/** An encoder of weights that have been read. */
export function encoderOf(
  on: Context,
  { shape, values, preprocessing }: PretrainedWeights,
): LoadedEncoder {
  const config = configOfShape(shape);
  const specs = encoderSpecs(config, { hasMaskToken: false });
  const parameters = ParameterSet.create(on, specs, initialiseFrom(values, null));
  const encoder = new BeitEncoder(on, config, parameters);
  return {
    encoder,
    config,
    parameters,
    preprocessing,
    dispose() {
      encoder.dispose();
      parameters.dispose();
    },
  };
}
