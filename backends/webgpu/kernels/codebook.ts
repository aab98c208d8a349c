/** The codebook's kernels: nearest codes, what a batch says about each, and the EMA update. @module */

import argMaxCode from "../shaders/arg_max.wgsl" with { type: "text" };
import bestCode from "../shaders/row_best.wgsl" with { type: "text" };
import rowSums from "../shaders/row_sums.wgsl" with { type: "text" };
import statisticsCode from "../shaders/code_statistics.wgsl" with { type: "text" };
import updateCode from "../shaders/ema_codebook_update.wgsl" with { type: "text" };
import type { Kernels } from "../../kernels.ts";
import { float, foldedGrid, type ShaderRunner } from "../shader.ts";
import { eachStretchOfLogits } from "./_logits.ts";
import { WORKGROUP } from "./_shapes.ts";
import type { MatrixProducts } from "./matrix_product.ts";

const ARG_MAX = { name: "arg_max", code: argMaxCode, includes: [bestCode] };
const STATISTICS = { name: "code_statistics", code: statisticsCode };
const UPDATE = { name: "ema_codebook_update", code: updateCode, includes: [rowSums] };

type CodebookKernels = Pick<Kernels, "nearestCode" | "codeStatistics" | "emaCodebookUpdate">;

export function codebookKernels(runner: ShaderRunner, products: MatrixProducts): CodebookKernels {
  const { runtime } = runner;
  return {
    nearestCode({ z, codebook }) {
      const ids = runtime.allocate([z.shape[0]], "int32");
      // Between unit vectors the smallest distance is the largest product.
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
    },
    codeStatistics({ z, ids, codes }) {
      const [rows, width] = z.shape as [number, number];
      const counts = runtime.allocate([codes]);
      const sums = runtime.allocate([codes, width]);
      runner.run({
        file: STATISTICS,
        constants: { WORKGROUP, QUADS_PER_THREAD: Math.ceil(width / 4 / WORKGROUP) },
        reads: { z, ids },
        writes: { sums, counts: runner.floats(counts) },
        uniforms: { rows, width },
        isQuadWide: width % 4 === 0,
        grid: [codes, 1, 1],
      });
      return { counts, sums };
    },
    emaCodebookUpdate({ codebook, clusterSize, counts, sums, decay }) {
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
        uniforms: { width, decay: float(decay), rest: float(1 - decay) },
        isQuadWide: width % 4 === 0,
        grid: [codes, 1, 1],
      });
      return { codebook: newCodebook, clusterSize: newClusterSize };
    },
  };
}
