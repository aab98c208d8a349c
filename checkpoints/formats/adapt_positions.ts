/**
 * Adapts a checkpoint's position parameters to the model that is started from it.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { classTokens } from "../../core/transformer_traits.ts";
import {
  type LazyTensor,
  type TensorData,
  type TensorMap,
  toFloat32,
} from "../tensors/tensor_data.ts";
import type { ModelShape } from "./model_shape.ts";
import { relativePositionRows } from "../../core/relative_position.ts";
import { resizePositionEmbedding, resizeRelativeTable } from "./resize_positions.ts";

const SHARED_TABLE = "rel_pos_bias.relative_position_bias_table";
const TABLE = /relative_position_bias_table$/;
const POSITIONS = /(^|\.)pos_embed$/;

function derived(
  shape: number[],
  tensor: LazyTensor,
  change: (data: TensorData) => TensorData | Promise<TensorData>,
): LazyTensor {
  return { dtype: "F32", shape, read: async () => change(await tensor.read()) };
}

/** A block's own table plus the shared one: blocks that have both add them. */
function withShared(own: LazyTensor, shared: LazyTensor): LazyTensor {
  return derived([...own.shape], own, async (data) => {
    const more = toFloat32(await shared.read());
    const values = toFloat32(data).map((value, index) => value + more[index]);
    return { dtype: "F32", shape: data.shape, data: values };
  });
}

function resized(name: string, tensor: LazyTensor, side: number, prefix: 0 | 1): LazyTensor {
  if (POSITIONS.test(name) && tensor.shape[1] !== prefix + side * side) {
    const shape = [1, prefix + side * side, tensor.shape[2]];
    return derived(shape, tensor, (data) => resizePositionEmbedding(data, side, prefix));
  }
  if (TABLE.test(name) && tensor.shape[0] !== relativePositionRows(side)) {
    const shape = [relativePositionRows(side), tensor.shape[1]];
    return derived(shape, tensor, (data) => resizeRelativeTable(data, side));
  }
  return tensor;
}

/** The positions that a model needs. */
export interface PositionTarget {
  /** Side of an image in pixels; positions are interpolated if it differs. */
  imageSize?: number;
  /** One table per block, copied from the shared one, as at the start of fine-tuning. */
  usesRelativePositionBias?: boolean;
}

/**
 * The same tensors with positions for another image size and, if requested, the shared relative-position table
 * copied into every block, or added to the block's own. Tensors are only read and resized when used.
 *
 * @example
 * ```ts
 * import { adaptPositions } from "./adapt_positions.ts";
 * const table = { dtype: "F32", shape: [52, 4], data: new Float32Array(208) } as const;
 * const shape = {
 *   imageSize: 32, patchSize: 8, embedDim: 24, depth: 2, heads: 4, mlpRatio: 4,
 *   layerScaleInitValue: 0.1, usesAbsolutePositions: false,
 *   usesSharedRelativePositionBias: true, usesRelativePositionBias: false,
 * };
 * const tensors = new Map([["rel_pos_bias.relative_position_bias_table", { ...table, read: () => table }]]);
 * const adapted = adaptPositions(tensors, shape, { usesRelativePositionBias: true, imageSize: 48 });
 * const found = adapted.tensors.get("blocks.1.attn.relative_position_bias_table");
 * if (found?.shape.join() !== "124,4" || adapted.shape.imageSize !== 48) throw new Error();
 * ```
 */
export function adaptPositions(
  tensors: TensorMap,
  shape: ModelShape,
  target: PositionTarget,
): { tensors: TensorMap; shape: ModelShape } {
  const imageSize = target.imageSize ?? shape.imageSize;
  const side = imageSize / shape.patchSize;
  if (!Number.isInteger(side)) {
    throw new UserError(
      `Cannot use images of ${imageSize} pixels: patches of ${shape.patchSize} do not divide them`,
    );
  }
  const expands = target.usesRelativePositionBias === true && shape.usesSharedRelativePositionBias;
  const adapted: TensorMap = new Map();
  const ownTable = (block: number) => `blocks.${block}.attn.relative_position_bias_table`;
  for (const [name, tensor] of tensors) {
    const fitting = resized(name, tensor, side, classTokens(shape));
    if (name !== SHARED_TABLE || !expands) adapted.set(name, fitting);
  }
  const shared = tensors.get(SHARED_TABLE);
  for (let block = 0; expands && shared !== undefined && block < shape.depth; block++) {
    const name = ownTable(block);
    const fitting = resized(SHARED_TABLE, shared, side, classTokens(shape));
    const own = adapted.get(name);
    adapted.set(name, own === undefined ? fitting : withShared(own, fitting));
  }
  const tables = expands
    ? { usesSharedRelativePositionBias: false, usesRelativePositionBias: true }
    : {};
  return { tensors: adapted, shape: { ...shape, ...tables, imageSize } };
}
