import { type Tensor, tf } from "../deps/tfjs.ts";

/** Patches as rows, images [B, 3, S, S] → [B·N, 3·p·p], row-major; channel, row, column within one. */
export function patchRows(images: Tensor, patchSize: number): Tensor {
  const [batch, channels, size] = images.shape;
  const grid = size / patchSize;
  // As two transpositions of four axes: not every backend supports six.
  const strips = tf.reshape(images, [batch * channels * grid, patchSize, grid, patchSize]);
  const patches = tf.reshape(tf.transpose(strips, [0, 2, 1, 3]), [
    batch,
    channels,
    grid * grid,
    patchSize * patchSize,
  ]);
  return tf.reshape(tf.transpose(patches, [0, 2, 1, 3]), [batch * grid * grid, -1]);
}
