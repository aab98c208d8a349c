import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../backend.ts";
import { observed } from "../observed.ts";
import { linear } from "./linear.ts";
import { recordKernel } from "../tfjs/record_kernel.ts";

/**
 * Patch embedding: a convolution whose kernel is as large as its stride. Images are data: no gradient
 * reaches them.
 *
 * @param images [B, 3, H, W] (any number of channels), H and W multiples of p
 * @param weight [C, 3, p, p]
 * @param bias [C]
 * @returns [B, (H/p)·(W/p), C], patches row by row
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../reference/mod.ts";
 * import { patchEmbed } from "./patch_embed.ts";
 * import { tf } from "../../deps/tfjs.ts";
 *
 * const backend = await createReferenceBackend();
 * backend.run(() => {
 *   const on = { backend, precision: "float32" } as const;
 *   const y = patchEmbed(on, tf.ones([2, 3, 4, 4]), tf.ones([5, 3, 2, 2]), tf.zeros([5]));
 *   if (String(y.shape) !== "2,4,5" || y.dataSync()[0] !== 12) throw new Error(`${y}`);
 * });
 * ```
 */
export function patchEmbed(on: Context, images: Tensor, weight: Tensor, bias: Tensor): Tensor {
  return observed(
    on,
    "patchEmbed",
    [weight, bias],
    (on) => runPatchEmbed(on, images, weight, bias),
  );
}

function runPatchEmbed(on: Context, images: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const kernel = on.backend.kernels.patchEmbed;
  if (kernel === undefined) return composePatchEmbed(on, images, weight, bias);
  const { precision } = on;
  const [y] = recordKernel({
    inputs: { weight, bias },
    forward: () => ({
      outputs: [kernel.forward({ images, weight, bias, precision }).y],
      saved: [images],
    }),
    backward: ([dy], inputs, [images]) => {
      const { dweight, dbias } = kernel.backward({ dy, images, ...inputs, precision });
      return { weight: dweight, bias: dbias };
    },
  });
  return y;
}

function composePatchEmbed(on: Context, images: Tensor, weight: Tensor, bias: Tensor): Tensor {
  const [batch, channels, height, width] = images.shape as [number, number, number, number];
  const [embedDim, , patch] = weight.shape as [number, number, number, number];
  const [rows, columns] = [height / patch, width / patch];
  const grid = tf.reshape(images, [batch, channels, rows, patch, columns, patch]);
  const patches = tf.reshape(
    tf.transpose(grid, [0, 2, 4, 1, 3, 5]),
    [batch, rows * columns, channels * patch * patch],
  );
  const kernel = tf.reshape(weight, [embedDim, channels * patch * patch]);
  return linear(on, patches, kernel, bias, { needsInputGradient: false });
}
