import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";
import { linear } from "./linear.ts";
import { roundTo, roundValue } from "./round_to.ts";
import { addAll } from "../add_all.ts";

/** Bytes that the columns of one part of a convolution may take; the batch is divided into such parts. */
const columnBytes = 64 * 2 ** 20;

/**
 * A convolution with an odd square kernel, stride 1 and zero padding, without bias: one matrix product over the
 * neighbourhoods of all pixels. Only `x` is kept for the gradient; the neighbourhoods, nine times as large, are
 * gathered again there.
 *
 * @param x [B, H, W, I]
 * @param weight [O, I, k, k], as in PyTorch
 * @returns [B, H, W, O]
 *
 * @example A kernel that shifts to the right
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { convolution } from "./convolution.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const weight = tf.tensor([0, 0, 0, 1, 0, 0, 0, 0, 0], [1, 1, 3, 3]);
 *   const y = convolution(on, tf.tensor([1, 2, 3], [1, 1, 3, 1]), weight);
 *   if (String(y.dataSync()) !== "0,1,2") throw new Error(`${y}`);
 * });
 * ```
 */
export function convolution(on: Context, x: Tensor, weight: Tensor): Tensor {
  const [outputs, inputs, side] = weight.shape as [number, number, number, number];
  if (side === 1) return linear(on, x, tf.reshape(weight, [outputs, inputs]), null);
  const [y] = recordKernel({
    inputs: { x, weight },
    forward: () => ({ outputs: [tf.tidy(() => forward(on, x, weight))], saved: [] }),
    backward: ([dy], inputs) => backward(on, dy, inputs.x, inputs.weight),
  });
  return y;
}

/** weight [O, I, k, k] as the matrix [O, k·k·I] that multiplies {@link columnsOf}. */
function asMatrix(weight: Tensor): Tensor {
  const [outputs, inputs, side] = weight.shape as [number, number, number, number];
  return tf.reshape(tf.transpose(weight, [0, 2, 3, 1]), [outputs, side * side * inputs]);
}

/** The k × k neighbours of every pixel, x [B, H, W, I] → [B·H·W, k·k·I]. */
function columnsOf(x: Tensor, side: number): Tensor {
  const [batch, height, width, inputs] = x.shape as [number, number, number, number];
  const reach = (side - 1) / 2;
  const padded = tf.pad(x, [[0, 0], [reach, reach], [reach, reach], [0, 0]]);
  const shifted = Array.from({ length: side * side }, (_, index) => {
    const begin = [0, Math.floor(index / side), index % side, 0];
    return tf.slice(padded, begin, [batch, height, width, inputs]);
  });
  return tf.reshape(tf.concat(shifted, 3), [batch * height * width, side * side * inputs]);
}

/** The sum over the positions of {@link columnsOf}: its gradient, [B·H·W, k·k·I] → [B, H, W, I]. */
function gather(columns: Tensor, shape: number[], side: number): Tensor {
  const [batch, height, width, inputs] = shape;
  const reach = (side - 1) / 2;
  const whole = tf.reshape(columns, [batch, height, width, side * side * inputs]);
  const parts = Array.from({ length: side * side }, (_, index) => {
    const part = tf.slice(whole, [0, 0, 0, index * inputs], [batch, height, width, inputs]);
    const [top, left] = [Math.floor(index / side), index % side];
    const padding = [[0, 0], [top, 2 * reach - top], [left, 2 * reach - left], [0, 0]];
    return tf.pad(part, padding as [number, number][]);
  });
  return tf.slice(addAll(parts), [0, reach, reach, 0], [batch, height, width, inputs]);
}

/** Images per part: as many as fit into `columnBytes`, at least one. */
function partsOf(shape: readonly number[], side: number): { start: number; count: number }[] {
  const [batch, height, width, inputs] = shape;
  const perImage = height * width * side * side * inputs * 4;
  const most = Math.max(1, Math.floor(columnBytes / perImage));
  return Array.from({ length: Math.ceil(batch / most) }, (_, index) => ({
    start: index * most,
    count: Math.min(most, batch - index * most),
  }));
}

function imagesOf(x: Tensor, { start, count }: { start: number; count: number }): Tensor {
  return tf.slice(x, [start, 0, 0, 0], [count, ...x.shape.slice(1)]);
}

function forward(on: Context, x: Tensor, weight: Tensor): Tensor {
  const [outputs, , side] = weight.shape as [number, number, number, number];
  const matrix = asMatrix(weight);
  const parts = partsOf(x.shape, side).map((part) =>
    tf.tidy(() => {
      const y = linear(on, columnsOf(imagesOf(x, part), side), matrix, null);
      return tf.reshape(y, [part.count, x.shape[1]!, x.shape[2]!, outputs]);
    })
  );
  return parts.length === 1 ? parts[0] : tf.concat(parts, 0);
}

function backward(
  on: Context,
  dy: Tensor,
  x: Tensor,
  weight: Tensor,
): { x: Tensor; weight: Tensor } {
  const [outputs, inputs, side] = weight.shape as [number, number, number, number];
  const matrix = asMatrix(weight);
  const parts = partsOf(x.shape, side).map((part) => {
    const images = imagesOf(x, part);
    const gradients = productGradients(
      on,
      tf.reshape(imagesOf(dy, part), [-1, outputs]),
      columnsOf(images, side),
      matrix,
    );
    return { dx: gather(gradients.dx, images.shape, side), dweight: gradients.dweight };
  });
  const dx = parts.length === 1 ? parts[0].dx : tf.concat(parts.map((part) => part.dx), 0);
  const sum = addAll(parts.map((part) => part.dweight));
  const dweight = tf.transpose(tf.reshape(sum, [outputs, side, side, inputs]), [0, 3, 1, 2]);
  return { x: dx, weight: dweight };
}

/** Gradients of x·weightᵀ by the backend's linear kernel, or composed. */
function productGradients(
  on: Context,
  dy: Tensor,
  x: Tensor,
  weight: Tensor,
): { dx: Tensor; dweight: Tensor } {
  const { backend, precision } = on;
  const kernel = backend.kernels.linear;
  if (kernel !== undefined) {
    const { dx, dweight } = kernel.backward({
      dy,
      x,
      weight,
      bias: null,
      saved: [],
      activation: "none",
      needsInputGradient: true,
      precision,
    });
    return { dx: dx!, dweight };
  }
  const rounded = roundTo(on, dy);
  return {
    dx: roundTo(on, tf.matMul(rounded, roundValue(on, weight))),
    dweight: tf.matMul(rounded, roundTo(on, x), true, false),
  };
}
