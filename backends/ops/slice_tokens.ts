/**
 * Parts of sequences. The gradients of tfjs' own slice and concatenation keep whole sequences,
 * although they only need the shapes.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";

type TensorFunction = (...tensors: Tensor[]) => Tensor;

/** `count` tokens of `x` [B, N, C] from token `first` on → [B, count, C]. */
export function sliceTokens(x: Tensor, first: number, count: number): Tensor {
  const [batch, tokens, width] = x.shape as [number, number, number];
  const after = tokens - first - count;
  const slice = tf.customGrad((x) => ({
    value: tf.slice(x as Tensor, [0, first, 0], [batch, count, width]),
    gradFunc: (dy: Tensor) => tf.pad(dy, [[0, 0], [first, after], [0, 0]]),
  })) as TensorFunction;
  return slice(x);
}

/** The tokens of `a` [B, N, C] before those of `b` [B, M, C] → [B, N + M, C]. */
export function joinTokens(a: Tensor, b: Tensor): Tensor {
  const [batch, first, width] = a.shape as [number, number, number];
  const second = b.shape[1]!;
  const join = tf.customGrad((a, b) => ({
    value: tf.concat([a as Tensor, b as Tensor], 1),
    gradFunc: (dy: Tensor) => [
      tf.slice(dy, [0, 0, 0], [batch, first, width]),
      tf.slice(dy, [0, first, 0], [batch, second, width]),
    ],
  })) as TensorFunction;
  return join(a, b);
}
