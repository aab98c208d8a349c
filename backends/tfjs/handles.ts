/** Handles to values held by a backend: created, duplicated and released without tfjs' ops. @module */

import type { Tensor, TensorInfo } from "../../deps/tfjs.ts";
import { engine } from "./engine.ts";

/** A tensor for the values that `owner`, a tfjs backend, holds under `info.dataId`. */
export function makeTensor(info: TensorInfo, owner: unknown): Tensor {
  return engine().makeTensorFromTensorInfo(info, owner);
}

/** Makes tfjs forget the values that `owner` has freed. */
export function forgetValues(dataId: object, owner: unknown): void {
  engine().removeDataId(dataId, owner);
}

/**
 * Another handle to the same values, with its own shape; no tape sees it. It costs a tenth of
 * `tf.reshape` or `tf.clone`, which matters because a step of a small model has hundreds of them.
 */
export function alias(tensor: Tensor, shape: number[] = tensor.shape): Tensor {
  const own = engine();
  own.backend.incRef(tensor.dataId);
  return own.makeTensorFromTensorInfo({ dataId: tensor.dataId, shape, dtype: tensor.dtype });
}

/** The same values as rows along the last axis: [..., C] → [R, C]. */
export function asRows(tensor: Tensor): Tensor {
  const columns = tensor.shape[tensor.rank - 1];
  const rows = tensor.shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return alias(tensor, [rows, columns]);
}
