/** Patch embedding: a matrix product with patches as rows. @module */

import type { Tensor } from "../../../../deps/tfjs.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { multiplyMatrices } from "../../products/multiply_matrices.ts";
import { addressOf, type Runtime, withScratch } from "../../runtime.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { patchesJob } from "./job.ts";

/** Calls `use` with the images' patches as rows: [B·(H/p)·(W/p), channels·p·p]. */
function withPatches<T>(
  runtime: Runtime,
  images: Tensor,
  patchSize: number,
  use: (patches: number, rows: number, columns: number) => T,
): T {
  const [samples, channels, height, width] = images.shape as number[];
  return withScratch(runtime, images.size * 4, (patches) => {
    runtime.pool.run(patchesJob, {
      images: addressOf(runtime, images),
      patches,
      channels,
      height,
      width,
      patchSize,
    }, { items: samples * height / patchSize, work: images.size });
    const columns = channels * patchSize * patchSize;
    return use(patches, images.size / columns, columns);
  });
}

export const patchEmbed: CpuKernel<"patchEmbed"> = {
  descriptions,
  create(runtime) {
    const { tensors } = runtime;
    return {
      forward({ images, weight, bias, precision }) {
        const [outputs, , patchSize] = weight.shape as number[];
        const [samples, , height, width] = images.shape as number[];
        const tokens = height / patchSize * (width / patchSize);
        const y = tensors.empty([samples, tokens, outputs]);
        withPatches(
          runtime,
          images,
          patchSize,
          (patches, rows, depth) =>
            multiplyMatrices(runtime, [{
              rows,
              columns: outputs,
              depth,
              a: { address: patches },
              b: { address: addressOf(runtime, weight), isTransposed: true },
              c: { address: addressOf(runtime, y) },
              start: { bias: addressOf(runtime, bias) },
              precision,
            }]),
        );
        return { y };
      },
      backward({ dy, images, weight, precision }) {
        const [outputs, , patchSize] = weight.shape as number[];
        const dweight = tensors.empty(weight.shape);
        const address = addressOf(runtime, dy);
        const rows = dy.size / outputs;
        const dbias = columnSums(runtime, { address, rows, columns: outputs });
        withPatches(
          runtime,
          images,
          patchSize,
          (patches, depth, columns) =>
            multiplyMatrices(runtime, [{
              rows: outputs,
              columns,
              depth,
              a: { address, isTransposed: true },
              b: { address: patches },
              c: { address: addressOf(runtime, dweight) },
              precision,
            }], { beside: [dbias.task] }),
        );
        return { dweight, dbias: dbias.sums };
      },
    };
  },
};
