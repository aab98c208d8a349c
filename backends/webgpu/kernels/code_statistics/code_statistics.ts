/** What a batch says about each code: how many rows it has, and their sum. @module */

import statisticsCode from "./code_statistics.wgsl" with { type: "text" };
import type { Kernels } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const STATISTICS = { name: "code_statistics", code: statisticsCode };

export function codeStatisticsKernel({ runner }: KernelTools): Kernels["codeStatistics"] {
  const { runtime } = runner;
  return ({ z, ids, codes }) => {
    const [rows, width] = z.shape as [number, number];
    const counts = runtime.allocate([codes]);
    const sums = runtime.allocate([codes, width]);
    runner.run({
      file: STATISTICS,
      constants: { WORKGROUP, QUADS_PER_THREAD: Math.ceil(width / 4 / WORKGROUP) },
      reads: { z, ids },
      writes: { sums, counts: runner.floats(counts) },
      uniforms: { rows, width, codes },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(codes, 1),
    });
    return { counts, sums };
  };
}
