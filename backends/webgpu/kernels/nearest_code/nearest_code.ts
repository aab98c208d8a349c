/** The codes nearest to rows. @module */

import argMaxCode from "./arg_max.wgsl" with { type: "text" };
import bestCode from "../../shaders/row_best.wgsl" with { type: "text" };
import ownBestCode from "../../shaders/own_best.wgsl" with { type: "text" };
import type { Kernels } from "../../../kernels.ts";
import { eachStretchOfLogits } from "../../products/logits.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const ARG_MAX = { name: "arg_max", code: argMaxCode, includes: [bestCode, ownBestCode] };

export function nearestCodeKernel({ runner, products }: KernelTools): Kernels["nearestCode"] {
  return ({ z, codebook }) => {
    const ids = runner.runtime.allocate([z.shape[0]], "int32");
    // Between unit vectors, the smallest distance is the largest product.
    eachStretchOfLogits(
      runner,
      products,
      { x: z, weight: codebook },
      (logits, firstRow, rows) => {
        const width = codebook.shape[0];
        runner.run({
          file: ARG_MAX,
          constants: { WORKGROUP },
          reads: { logits },
          writes: { ids },
          uniforms: { rows, width, firstRow },
          isQuadWide: width % 4 === 0,
          grid: foldedGrid(rows, 1),
        });
      },
    );
    return ids;
  };
}
