/**
 * A pretraining run's codes on disk: with `augment.cropsPerImage`, the tokenizer sees each crop once.
 *
 * @module
 */

import { communicatorOf, type Context } from "../../backends/backend.ts";
import { CodeStore, recordBytesOf } from "../../checkpoints/store/code_store.ts";
import { contentKey } from "../../checkpoints/store/feature_cache.ts";
import { formatBytes } from "../../core/number_formats.ts";
import { gatherJson } from "../../distributed/communicator.ts";
import { gridSize } from "../../models/beit_config.ts";
import type { NamedValues, ParameterSet } from "../../models/parameter_set.ts";
import type { Run } from "../../pipeline/engine/method.ts";
import { StoredTargets } from "../../pipeline/engine/stored_targets.ts";
import { pretrainTransform } from "../../pipeline/images/transforms.ts";
import type { PatchTokenizer } from "../../pipeline/tokenize.ts";
import type { PretrainConfig } from "./config.ts";

/** A run's stored codes; close them. */
export interface CodeCache {
  readonly stored: StoredTargets<Int32Array>;
  close(): void;
}

type Values = ReadonlyMap<string, NamedValues>;

/** VQ-KD has parameters; k-means tells what it found, and whose features it looked at. */
type Weighted = PatchTokenizer & {
  readonly parameters?: ParameterSet;
  weights?(): Promise<Values>;
  export?(): Promise<Values>;
};

async function weightsOf(tokenizer: Weighted): Promise<Values> {
  if (tokenizer.parameters !== undefined) return await tokenizer.parameters.export();
  const values = await (tokenizer.weights?.() ?? tokenizer.export?.());
  if (values === undefined) throw new Error("A tokenizer must tell its weights to be cached");
  return values;
}

/** SHA-256 of everything that determines the codes of the images, apart from their pixels. */
async function codesHash(
  { precision }: Context,
  config: PretrainConfig,
  tokenizer: Weighted,
): Promise<string> {
  const { seed, augment, model } = config;
  const { tokenizerNormalization, cropsPerImage } = augment;
  const parts: (string | Uint8Array)[] = [JSON.stringify({
    ...{ seed, precision, tokenizerNormalization, cropsPerImage, codes: model.codes },
    transform: pretrainTransform(augment),
    exif: config.data.exif,
  })];
  for (const [name, { shape, values: numbers }] of [...await weightsOf(tokenizer)].sort()) {
    parts.push(
      JSON.stringify([name, shape]),
      new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength),
    );
  }
  return contentKey(...parts);
}

/**
 * Opens the codes of a config's crops; null without `augment.cropsPerImage`, for a run that is not
 * saved and names no folder, and for a codebook that changes. All ranks must call it.
 *
 * Codes are found by the tokenizer's weights, the crop's place and its pixels. Those computed by
 * another backend are used as they are.
 *
 * @throws UserError if the file cannot be opened or the disk has no room for it
 */
export async function openCodeCache(
  { on, config, images: { source }, directory, listener }: Run<PretrainConfig>,
  tokenizer: PatchTokenizer,
): Promise<CodeCache | null> {
  const { cropsPerImage } = config.augment;
  const { codesDirectory, updatesDuringPretraining } = config.tokenizer;
  if (cropsPerImage === null) return null;
  const [ownDirectory] = await gatherJson(communicatorOf(on), directory);
  const folder = codesDirectory ?? (ownDirectory === null ? null : `${ownDirectory}/codes`);
  const reason = updatesDuringPretraining
    ? "tokenizer.updatesDuringPretraining changes the codebook"
    : folder === null
    ? "the run is not saved, and tokenizer.codesDirectory names no folder"
    : null;
  if (folder === null || reason !== null) {
    listener({ type: "note", message: `Codes are computed in every epoch: ${reason}` });
    return null;
  }
  const hash = await codesHash(on, config, tokenizer);
  const patches = gridSize(config.model) ** 2;
  const { codes } = config.model;
  const slots = source.length * cropsPerImage;
  const path = `${folder}/${hash.slice(0, 32)}.codes`;
  const store = CodeStore.open({ path, slots, patches, codes });
  const bytes = formatBytes(slots * recordBytesOf({ patches, codes }));
  const crops = `${cropsPerImage} crop${cropsPerImage === 1 ? "" : "s"} of each image`;
  listener({ type: "note", message: `Codes of ${crops} are kept in ${path}: up to ${bytes}` });
  const slotOf = ({ index, epoch }: { index: number; epoch: number }) =>
    index * cropsPerImage + epoch % cropsPerImage;
  const stored = new StoredTargets<Int32Array>({
    isFull: false,
    read: (sample) => store.read(slotOf(sample), sample.key),
    write: (sample, values) => store.write(slotOf(sample), sample.key, values),
  }, "tokenizerPixels");
  return { stored, close: () => store.close() };
}
