/**
 * What a vision transformer costs: multiply–adds, counted from the sizes. What is no matrix product is
 * left out.
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

/** Passes forward that a pass forward and backward counts as. */
export const forwardAndBackward = 3;

/** Multiply–adds of a forward pass of one image through so many blocks. */
export function blocksCost(
  { imageSize, patchSize, embedDim, mlpRatio }: TransformerSizes,
  blocks: number,
): number {
  const tokens = (imageSize / patchSize) ** 2 + 1;
  const products = tokens * embedDim ** 2 * (4 + 2 * mlpRatio);
  const attention = 2 * tokens ** 2 * embedDim;
  return blocks * (products + attention);
}

/** Multiply–adds of cutting one image into patches and embedding them. */
export function embeddingCost({ imageSize, embedDim }: TransformerSizes): number {
  return 3 * imageSize ** 2 * embedDim;
}
