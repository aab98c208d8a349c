/** Patch embedding: the patches laid out as rows, then a matrix product. @module */

import rowsCode from "./patch_rows.wgsl" with { type: "text" };
import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import type { Precision } from "../../../backend.ts";
import type { PatchEmbedKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { storageFor, WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const ROWS = { name: "patch_rows", code: rowsCode };

export function patchEmbedKernel({ runner, products }: KernelTools): PatchEmbedKernel {
  const { runtime } = runner;

  function patchRows(images: Tensor, weight: Tensor, precision: Precision): Tensor {
    const [samples, channels, height, width] = images.shape as [number, number, number, number];
    const [embedDim, , patchSize] = weight.shape as [number, number, number];
    const [gridHeight, gridWidth] = [height / patchSize, width / patchSize];
    const rows = samples * gridHeight * gridWidth;
    const depth = channels * patchSize * patchSize;
    const patches = runtime.allocate(
      [rows, depth],
      "float32",
      storageFor(precision, depth, embedDim),
    );
    const quadsPerRow = Math.ceil(depth / 4);
    runner.run({
      file: ROWS,
      constants: { WORKGROUP },
      reads: { images: runner.floats(images) },
      writes: { patches },
      uniforms: { rows, width: depth, quadsPerRow, patchSize, gridHeight, gridWidth },
      isQuadWide: depth % 4 === 0,
      grid: foldedGrid(rows * quadsPerRow, WORKGROUP),
    });
    return patches;
  }

  return {
    forward({ images, weight, bias, precision }) {
      const patches = patchRows(images, weight, precision);
      const [rows, depth] = patches.shape as [number, number];
      const samples = images.shape[0];
      const columns = weight.shape[0];
      const storage = storageFor(precision, depth, columns);
      const y = runtime.allocate([samples, rows / samples, columns], "float32", storage);
      products.run({
        a: patches,
        b: weight,
        c: y,
        rows,
        columns,
        depth,
        isRounded: precision === "float16",
        bias,
      });
      patches.dispose();
      return { y };
    },
    backward({ dy, images, weight, bias, precision }) {
      const patches = patchRows(images, weight, precision);
      const rows = patches.shape[0];
      const embedDim = weight.shape[0];
      const dweight = runtime.allocateGradient(weight);
      const dbias = runtime.allocateGradient(bias);
      const dz = tf.reshape(dy, [rows, embedDim]);
      const isRounded = precision === "float16";
      products.runBackward({ dz, x: patches, weight, dx: null, dweight, dbias, isRounded });
      patches.dispose();
      dz.dispose();
      return { dweight, dbias };
    },
  };
}
