import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";

/**
 * The matrix [to, from] that resizes one axis bilinearly, like `torch.nn.functional.interpolate`
 * with `align_corners=False`: pixels are areas, and beyond the border the nearest pixel counts.
 */
function axisMatrix(from: number, to: number): Tensor {
  const values = new Float32Array(to * from);
  for (let row = 0; row < to; row++) {
    const place = Math.max(0, (row + 0.5) * from / to - 0.5);
    const first = Math.min(from - 1, Math.floor(place));
    const share = place - first;
    values[row * from + first] += 1 - share;
    values[row * from + Math.min(from - 1, first + 1)] += share;
  }
  return tf.tensor3d(values, [1, to, from]);
}

/**
 * Bilinear resizing of feature maps, in float32 (`align_corners=False`). tfjs' own has no gradient for these
 * positions; this consists of two products with a constant matrix.
 *
 * @param x [B, H, W, C]
 * @param height of the result
 * @param width of the result
 * @returns [B, height, width, C]
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { resizeBilinear } from "./resize_bilinear.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const y = resizeBilinear(on, tf.tensor([0, 4], [1, 1, 2, 1]), 1, 4);
 *   if (String(y.dataSync()) !== "0,1,3,4") throw new Error(`${y}`);
 * });
 * ```
 */
export function resizeBilinear(_on: Context, x: Tensor, height: number, width: number): Tensor {
  const [batch, rows, columns, channels] = x.shape as [number, number, number, number];
  let y = x;
  if (columns !== width) {
    const lines = tf.reshape(y, [batch * rows, columns, channels]);
    y = tf.matMul(axisMatrix(columns, width), lines);
  }
  if (rows !== height) {
    const lines = tf.reshape(y, [batch, rows, width * channels]);
    y = tf.matMul(axisMatrix(rows, height), lines);
  }
  return tf.reshape(y, [batch, height, width, channels]);
}
