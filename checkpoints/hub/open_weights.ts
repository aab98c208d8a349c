/**
 * Opens weights by path, card name or URL, or a stand-in for those of a card.
 *
 * @module
 */

import { sizeOf } from "../../core/shapes.ts";
import { findCard } from "./cards.ts";
import { cacheDirectory, type DownloadOptions, isCached, resolveWeights } from "./download.ts";
import { expectedTensors } from "../formats/expected_tensors.ts";
import type { ModelKind, ModelShape } from "../formats/model_shape.ts";
import { type ModelCheckpoint, openModel, type OpenModelOptions } from "../open_model.ts";
import type { LazyTensor, TensorMap } from "../tensors/tensor_data.ts";
import { exists } from "../path_kinds.ts";

/** Small numbers of both signs, none so small as to slow down a processor. */
function someValues(shape: readonly number[]): LazyTensor {
  return {
    dtype: "F32",
    shape,
    read: () => ({
      dtype: "F32",
      shape,
      data: Float32Array.from({ length: sizeOf(shape) }, (_, index) => (index % 7 - 3) * 0.01),
    }),
  };
}

/** A model of a given shape with meaningless values. */
function standIn(kind: ModelKind, shape: ModelShape): ModelCheckpoint {
  const tensors: TensorMap = new Map(
    [...expectedTensors(kind, shape)].map(([name, extents]) => [name, someValues(extents)]),
  );
  return {
    format: "mimic",
    kind,
    family: "beit",
    shape,
    preprocessing: undefined,
    classNames: undefined,
    tokenizer: undefined,
    tensors,
    rest: new Map(),
    report: { dropped: [], unknown: [], missing: [], wrongShape: [] },
    metadata: {},
    close() {},
  };
}

/**
 * Opens weights given by path, card name or URL. With `downloads.onStandIn`, a card's file that is not in the
 * cache is not downloaded; a model of its shape is opened instead.
 *
 * @example Planning with a published model that is not on this machine
 * ```ts
 * import { openWeights } from "./open_weights.ts";
 * const names: string[] = [];
 * const { kind, shape } = await openWeights("vqkd_encoder", {
 *   directory: await Deno.makeTempDir(),
 *   onStandIn: (name) => names.push(name),
 * });
 * if (kind !== "tokenizer" || shape.codes !== 8192 || names.length !== 1) throw new Error();
 * ```
 */
export async function openWeights(
  from: string | URL,
  downloads: DownloadOptions = {},
  options: OpenModelOptions = {},
): Promise<ModelCheckpoint> {
  if (from instanceof URL) return await openModel(from, options);
  const card = findCard(from);
  const { onStandIn } = downloads;
  // For a user's file, the environment is not asked where downloads are.
  const isWanted = onStandIn !== undefined && card !== undefined && card.shape !== null &&
    !exists(from) && !isCached(card, downloads.directory ?? cacheDirectory());
  if (!isWanted) return await openModel(await resolveWeights(from, downloads), options);
  onStandIn(card.name);
  return standIn(card.kind, card.shape!);
}
