/** Layer norm in one dispatch forward and one backward. @module */

import forwardCode from "../shaders/layer_norm.wgsl" with { type: "text" };
import backwardCode from "../shaders/layer_norm_backward.wgsl" with { type: "text" };
import columnSums from "../shaders/column_sums.wgsl" with { type: "text" };
import rowSums from "../shaders/row_sums.wgsl" with { type: "text" };
import type { LayerNormKernel } from "../../kernels.ts";
import { float, foldedGrid, type ShaderRunner } from "../shader.ts";
import { COLUMN_QUADS, columnGroupsOf, rowsOf, WORKGROUP } from "./_shapes.ts";

const FORWARD = { name: "layer_norm", code: forwardCode, includes: [rowSums] };
const BACKWARD = {
  name: "layer_norm_backward",
  code: backwardCode,
  includes: [columnSums, rowSums],
};

export function layerNormKernel(runner: ShaderRunner): LayerNormKernel {
  const { runtime } = runner;
  return {
    forward({ x, weight, bias, epsilon }) {
      const { rows, width } = rowsOf(x);
      const y = runtime.allocate(x.shape);
      const statistics = runtime.allocate([rows, 2]);
      runner.run({
        file: FORWARD,
        constants: { WORKGROUP },
        reads: { x, weight, bias },
        writes: { y, statistics: runner.floats(statistics) },
        uniforms: { rows, width, epsilon: float(epsilon) },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(rows, 1),
      });
      runner.allowDemotion(y);
      return { y, saved: [statistics] };
    },
    backward({ dy, x, weight, saved: [statistics] }) {
      const { rows, width } = rowsOf(x);
      const dx = runtime.allocate(x.shape);
      const dweight = runtime.allocate([width]);
      const dbias = runtime.allocate([width]);
      const columnGroups = columnGroupsOf(width);
      runner.run({
        file: BACKWARD,
        constants: { WORKGROUP, COLUMN_QUADS },
        reads: { dy, x, weight, statistics: runner.floats(statistics) },
        writes: { dx, dweight, dbias },
        uniforms: { rows, width, columnGroups },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(columnGroups + rows, 1),
      });
      return { dx, dweight, dbias };
    },
  };
}
