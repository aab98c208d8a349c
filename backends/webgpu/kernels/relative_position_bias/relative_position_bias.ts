/** The bias table laid out for attention, and its gradient, one dispatch each. @module */

import backwardCode from "./relative_position_bias_backward.wgsl" with { type: "text" };
import forwardCode from "./relative_position_bias.wgsl" with { type: "text" };
import type { RelativePositionBiasKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = { name: "relative_position_bias", code: forwardCode };
const BACKWARD = { name: "relative_position_bias_backward", code: backwardCode };

export function relativePositionBiasKernel({ runner }: KernelTools): RelativePositionBiasKernel {
  const { runtime } = runner;
  return {
    forward({ table, index }) {
      const heads = table.shape[1]!;
      const y = runtime.allocate([heads, ...index.shape]);
      runner.run({
        file: FORWARD,
        constants: { WORKGROUP },
        reads: { table: runner.floats(table), index },
        writes: { y: runner.floats(y) },
        uniforms: { pairs: index.size, heads },
        isQuadWide: false,
        grid: foldedGrid(y.size, WORKGROUP),
      });
      return { y };
    },
    backward({ dy, index, rows }) {
      const heads = dy.shape[0];
      const dtable = runtime.allocate([rows, heads]);
      runner.run({
        file: BACKWARD,
        constants: { WORKGROUP, HEADS: heads },
        reads: { dy: runner.floats(dy), index },
        writes: { dtable: runner.floats(dtable) },
        uniforms: { pairs: index.size, rows },
        isQuadWide: false,
        grid: foldedGrid(rows, 1),
      });
      return { dtable };
    },
  };
}
