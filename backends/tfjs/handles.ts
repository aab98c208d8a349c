/** Handles to values that lie with a backend: made, doubled and let go past tfjs' ops. @module */

import type { Tensor, TensorInfo } from "../../deps/tfjs.ts";
import { engine } from "./engine.ts";

/** A tensor of the values that `owner`, a backend of tfjs, holds under `info.dataId`. */
export function makeTensor(info: TensorInfo, owner: unknown): Tensor {
  return engine().makeTensorFromTensorInfo(info, owner);
}

/** Has tfjs forget the values that `owner` has freed. */
export function forgetValues(dataId: object, owner: unknown): void {
  engine().removeDataId(dataId, owner);
}

/**
 * Another handle to the same values, with a shape of its own; no tape sees it. It costs a tenth of
 * `tf.reshape` or `tf.clone`, which matters where a step of a small model has hundreds of them.
 */
export function alias(tensor: Tensor, shape: number[] = tensor.shape): Tensor {
  const own = engine();
  own.backend.incRef(tensor.dataId);
  return own.makeTensorFromTensorInfo({ dataId: tensor.dataId, shape, dtype: tensor.dtype });
}

/** The same values as rows of the last axis' length: [..., C] → [R, C]. */
export function asRows(tensor: Tensor): Tensor {
  const columns = tensor.shape[tensor.rank - 1];
  const rows = tensor.shape.slice(0, -1).reduce((product, length) => product * length, 1);
  return alias(tensor, [rows, columns]);
}
