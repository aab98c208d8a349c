/** Rows to unit length, one dispatch each way. @module */

import normalizeCode from "./l2_normalize.wgsl" with { type: "text" };
import rowSums from "../../shaders/row_sums.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { L2NormalizeKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { rowsOf, WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const NORMALIZE = { name: "l2_normalize", code: normalizeCode, includes: [rowSums] };

export function l2NormalizeKernel({ runner }: KernelTools): L2NormalizeKernel {
  const run = (x: Tensor, dy: Tensor | null) => {
    const { rows, width } = rowsOf(x);
    const result = runner.runtime.allocate(x.shape);
    runner.run({
      file: NORMALIZE,
      constants: { WORKGROUP, BACKWARD: dy !== null },
      reads: { x, dy },
      writes: { result },
      uniforms: { rows, width },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(rows, 1),
    });
    return result;
  };
  return {
    forward: ({ x }) => ({ y: run(x, null), saved: [] }),
    backward: ({ dy, x }) => ({ dx: run(x, dy) }),
  };
}
