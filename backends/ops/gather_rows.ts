import { type Tensor, tf } from "../../deps/tfjs.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * Rows of `x` [R, C] by number, `ids` int32 [M] → [M, C]. The gradient is a scatter; tfjs' own compares every
 * id with every row.
 */
export function gatherRows(x: Tensor, ids: Tensor): Tensor {
  const shape = x.shape as [number, number];
  const [y] = recordKernel({
    inputs: { x },
    forward: () => ({ outputs: [tf.gather(x, ids)], saved: [ids] }),
    backward: ([dy], _inputs, [rows]) => ({ x: scatterRows(dy, rows, shape) }),
  });
  return y;
}

/**
 * Sums of the rows of `x` [M, …] with the same id, `ids` int32 [M] → `shape`. On a GPU tfjs adds in no fixed
 * order, so the last bits may vary: kernels must do better.
 */
export function scatterRows(x: Tensor, ids: Tensor, shape: number[]): Tensor {
  return tf.scatterND(tf.reshape(ids, [-1, 1]), x, shape as [number, number]);
}
