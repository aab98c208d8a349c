/**
 * The cost of a vision transformer in multiply–adds, counted from its sizes. Only matrix products are counted.
 *
 * @module
 */

/** The sizes of a stack of blocks. */
export interface TransformerSizes {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly embedDim: number;
  readonly mlpRatio: number;
}

/** How many forward passes a forward and backward pass counts as. */
export const forwardAndBackward = 3;

/** Multiply–adds of one image's forward pass through that many blocks. */
export function blocksCost(
  { imageSize, patchSize, embedDim, mlpRatio }: TransformerSizes,
  blocks: number,
): number {
  const tokens = (imageSize / patchSize) ** 2 + 1;
  const products = tokens * embedDim ** 2 * (4 + 2 * mlpRatio);
  const attention = 2 * tokens ** 2 * embedDim;
  return blocks * (products + attention);
}

/** Multiply–adds to cut one image into patches and embed them. */
export function embeddingCost({ imageSize, embedDim }: TransformerSizes): number {
  return 3 * imageSize ** 2 * embedDim;
}
