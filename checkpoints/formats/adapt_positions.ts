/**
 * Fitting a checkpoint's position parameters to the model that is to be started from it.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import type { LazyTensor, TensorData, TensorMap } from "../tensor_data.ts";
import type { ModelShape } from "./model_shape.ts";
import { tableRows } from "./relative_position_index.ts";
import { resizePositionEmbedding, resizeRelativeTable } from "./resize_positions.ts";

const SHARED_TABLE = "rel_pos_bias.relative_position_bias_table";
const TABLE = /relative_position_bias_table$/;
const POSITIONS = /(^|\.)pos_embed$/;

function derived(
  shape: number[],
  tensor: LazyTensor,
  change: (data: TensorData) => TensorData,
): LazyTensor {
  return { dtype: "F32", shape, read: async () => change(await tensor.read()) };
}

function resized(name: string, tensor: LazyTensor, side: number): LazyTensor {
  if (POSITIONS.test(name) && tensor.shape[1] !== 1 + side * side) {
    const shape = [1, 1 + side * side, tensor.shape[2]];
    return derived(shape, tensor, (data) => resizePositionEmbedding(data, side));
  }
  if (TABLE.test(name) && tensor.shape[0] !== tableRows(side)) {
    const shape = [tableRows(side), tensor.shape[1]];
    return derived(shape, tensor, (data) => resizeRelativeTable(data, side));
  }
  return tensor;
}

/** What a model wants of its positions. */
export interface PositionTarget {
  /** Pixels along a side; positions are interpolated where it differs. */
  imageSize?: number;
  /** One table for each block, copied from the shared one, as fine-tuning starts. */
  usesRelativePositionBias?: boolean;
}

/**
 * The same tensors with positions for another image size and, where wanted, the shared
 * relative-position table copied into every block. Tensors are read and resized only when taken.
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
  for (const [name, tensor] of tensors) {
    const fitting = resized(name, tensor, side);
    if (name !== SHARED_TABLE || !expands) adapted.set(name, fitting);
    else {
      for (let block = 0; block < shape.depth; block++) {
        adapted.set(`blocks.${block}.attn.relative_position_bias_table`, fitting);
      }
    }
  }
  const tables = expands
    ? { usesSharedRelativePositionBias: false, usesRelativePositionBias: true }
    : {};
  return { tensors: adapted, shape: { ...shape, ...tables, imageSize } };
}
