/** The codebook after one EMA update, one dispatch. @module */

import rowSums from "../../shaders/row_sums.wgsl" with { type: "text" };
import updateCode from "./ema_codebook_update.wgsl" with { type: "text" };
import type { Kernels } from "../../../kernels.ts";
import { float, foldedGrid } from "../../shaders/shader_runner.ts";
import { WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const UPDATE = { name: "ema_codebook_update", code: updateCode, includes: [rowSums] };

export function emaCodebookUpdateKernel({ runner }: KernelTools): Kernels["emaCodebookUpdate"] {
  const { runtime } = runner;
  return ({ codebook, clusterSize, counts, sums, decay }) => {
    const [codes, width] = codebook.shape as [number, number];
    const newCodebook = runtime.allocate(codebook.shape);
    const newClusterSize = runtime.allocate(clusterSize.shape);
    runner.run({
      file: UPDATE,
      constants: { WORKGROUP },
      reads: {
        codebook,
        sums,
        counts: runner.floats(counts),
        clusterSize: runner.floats(clusterSize),
      },
      writes: { newCodebook, newClusterSize: runner.floats(newClusterSize) },
      uniforms: { codes, width, decay: float(decay), rest: float(1 - decay) },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(codes, 1),
    });
    return { codebook: newCodebook, clusterSize: newClusterSize };
  };
}
