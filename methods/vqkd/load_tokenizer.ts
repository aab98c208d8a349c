/**
 * Finding and loading the tokenizer that provides a pretraining run's targets.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import { findCard } from "../../checkpoints/hub/cards.ts";
import type { DownloadOptions } from "../../checkpoints/hub/download.ts";
import { type ModelCheckpoint, requireWhole } from "../../checkpoints/open_model.ts";
import { openWeights } from "../../checkpoints/hub/open_weights.ts";
import { toFloat32 } from "../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shapes.ts";
import { countTrainable, type ParameterSpec } from "../../models/parameter_set.ts";
import type { VqkdConfig } from "../../models/vqkd_config.ts";
import { vqkdSpecs, VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import type { StoredRun } from "../../pipeline/images/preparation.ts";
import { kMeansSize, loadKMeans } from "./k_means/k_means_file.ts";
import type { FrozenTokenizer, TokenizerSize } from "./k_means/k_means_tokenizer.ts";

/** Bundled tokenizers, by name. */
export const bundledTokenizers: Readonly<Record<string, URL>> = {
  vqkd_quickstart: new URL("../../assets/vqkd_quickstart.safetensors", import.meta.url),
  vqkd_lite0: new URL("../../assets/vqkd_lite0.safetensors", import.meta.url),
};

/** The tokenizer of a run, if its name means the same everywhere; undefined if it is a file of this machine. */
export function tokenizerNameOf(run: StoredRun | null): string | undefined {
  const name = run?.tokenizer?.checkpoint;
  if (name === undefined) return undefined;
  return Object.hasOwn(bundledTokenizers, name) || findCard(name) !== undefined ? name : undefined;
}

/**
 * Loads the encoder and the codebook of a VQ-KD tokenizer in any known format; its decoder stays on disk.
 *
 * @throws UserError if the file is missing, broken or not a tokenizer
 */
export async function loadTokenizer(
  on: Context,
  checkpoint: string,
  downloads: DownloadOptions = {},
): Promise<VqkdTokenizer> {
  return await withTokenizer(
    checkpoint,
    downloads,
    (opened) => tokenizerOf(on, opened, checkpoint),
  );
}

/** The encoder and the codebook of an opened tokenizer; `name` is for messages. */
export async function tokenizerOf(
  on: Context,
  opened: ModelCheckpoint,
  name: string,
): Promise<VqkdTokenizer> {
  const config = configOf(opened, name);
  const values = new Map<string, Float32Array>();
  for (const [name, tensor] of opened.tensors) {
    if (!name.startsWith("decode")) values.set(name, toFloat32(await tensor.read()));
  }
  // Counters that published files lack start at zero; everything else is in the file.
  const valueOf = ({ name, shape }: ParameterSpec) =>
    values.get(name) ?? new Float32Array(sizeOf(shape));
  return VqkdTokenizer.create(on, config, valueOf);
}

/**
 * Loads a tokenizer of either method.
 *
 * @throws UserError as {@link loadTokenizer}, or if a k-means tokenizer's teacher is missing
 */
export async function loadFrozenTokenizer(
  on: Context,
  checkpoint: string,
  downloads: DownloadOptions = {},
): Promise<FrozenTokenizer> {
  return await loadKMeans(on, checkpoint, downloads) ??
    await loadTokenizer(on, checkpoint, downloads);
}

/** The size of a tokenizer of either method, and the number of its frozen parameters. */
export async function tokenizerSize(
  checkpoint: string,
  downloads: DownloadOptions = {},
): Promise<{ readonly size: TokenizerSize; readonly parameterCount: number }> {
  const means = await kMeansSize(checkpoint);
  if (means !== null) return { size: means, parameterCount: 0 };
  const size = await tokenizerConfig(checkpoint, downloads);
  return { size, parameterCount: countTrainable(vqkdSpecs(size)) };
}

/** The shape of a tokenizer's encoder, read from its file. */
async function tokenizerConfig(
  checkpoint: string,
  downloads: DownloadOptions = {},
): Promise<VqkdConfig> {
  return await withTokenizer(
    checkpoint,
    downloads,
    (opened) => Promise.resolve(configOf(opened, checkpoint)),
  );
}

async function withTokenizer<T>(
  checkpoint: string,
  downloads: DownloadOptions,
  use: (opened: ModelCheckpoint) => Promise<T>,
): Promise<T> {
  const opened = await openWeights(bundledTokenizers[checkpoint] ?? checkpoint, downloads, {
    part: "tokenizer",
  });
  try {
    return await use(opened);
  } finally {
    opened.close();
  }
}

/** The config of an opened tokenizer's encoder; a `UserError` if tensors are missing. */
function configOf({ report, shape }: ModelCheckpoint, name: string): VqkdConfig {
  requireWhole(report, `the tokenizer "${name}"`);
  return {
    imageSize: shape.imageSize,
    patchSize: shape.patchSize,
    embedDim: shape.embedDim,
    depth: shape.depth,
    heads: shape.heads,
    mlpRatio: shape.mlpRatio,
    codes: shape.codes!,
    codeDim: shape.codeDim!,
    decoderDepth: 0,
    teacherDim: 0,
    decay: 0.99,
    quantizationWeight: 1,
  };
}

/** Throws a `UserError` if a tokenizer does not fit a model. */
export function requireFit(
  tokenizer: Pick<VqkdConfig, "codes" | "imageSize" | "patchSize">,
  model: { codes: number; imageSize: number; patchSize: number },
  tokenizerSize: number,
): void {
  if (tokenizer.codes !== model.codes) {
    throw new UserError(
      `Cannot use the tokenizer: it has ${tokenizer.codes} codes, and model.codes is ${model.codes}`,
      { hint: `give --set model.codes=${tokenizer.codes}, or another --tokenizer` },
    );
  }
  if (tokenizer.imageSize !== tokenizerSize) {
    throw new UserError(
      `Cannot use the tokenizer: it was trained at ${tokenizer.imageSize} px, and ` +
        `augment.tokenizerSize is ${tokenizerSize}`,
      { hint: `give --set augment.tokenizerSize=${tokenizer.imageSize}, or another --tokenizer` },
    );
  }
  const [theirs, ours] = [tokenizer, model].map((x) => x.imageSize / x.patchSize);
  if (theirs !== ours) {
    throw new UserError(
      `Cannot use the tokenizer: it divides an image into ${theirs} × ${theirs} patches, the model ` +
        `into ${ours} × ${ours}`,
      {
        hint:
          `give --set model.imageSize=${
            theirs * model.patchSize
          } for a matching grid, or another ` +
          "--tokenizer",
      },
    );
  }
}
