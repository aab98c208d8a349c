/** Layer scale, drop path and residual in one dispatch forward and one backward. @module */

import forwardCode from "./residual.wgsl" with { type: "text" };
import backwardCode from "./residual_backward.wgsl" with { type: "text" };
import columnSums from "../../shaders/column_sums.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { ResidualKernel } from "../../../kernels.ts";
import { isTapeOpen } from "../../../tfjs/tape.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import {
  COLUMN_QUADS,
  columnGroupsOf,
  rowsOf,
  SUM_WORKGROUP,
  WORKGROUP,
} from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = { name: "residual", code: forwardCode };
const BACKWARD = { name: "residual_backward", code: backwardCode, includes: [columnSums] };

/** Kind of the deferred forward pass; see {@link DeferredResidual}. */
export const RESIDUAL = "residual";

/** The parts of a deferred sum. */
export interface DeferredResidual {
  readonly x: Tensor;
  readonly branch: Tensor;
  readonly gamma: Tensor | null;
  readonly keep: Tensor | null;
}

/** Buffers that a layer norm binds which makes its input itself. */
const BUFFERS_WITH_LAYER_NORM = 9;

export function residualKernel({ runner }: KernelTools): ResidualKernel {
  const { runtime } = runner;
  const { maxStorageBuffersPerShaderStage } = runtime.device.limits;
  return {
    forward({ x, branch, gamma, keep }) {
      const { rows, width, quadsPerRow } = rowsOf(branch);
      const y = runtime.allocateLater(x.shape);
      const args: DeferredResidual = { x, branch, gamma, keep };
      const run = () => {
        runner.run({
          file: FORWARD,
          constants: { WORKGROUP, HAS_GAMMA: gamma !== null, HAS_KEEP: keep !== null },
          reads: { x, branch, gamma, keep: runner.floats(keep) },
          writes: { y },
          uniforms: { rows, width, quadsPerRow, tokens: tokensOf(branch) },
          isQuadWide: width % 4 === 0,
          grid: foldedGrid(rows * quadsPerRow, WORKGROUP),
        });
        // As a layer norm in its place would do it, for its own backward pass.
        if (isTapeOpen() && runtime.storage(branch) === "float16") runner.demoteIfAllowed(x);
      };
      // A layer norm almost always follows and can compute the sum along the way.
      if (maxStorageBuffersPerShaderStage < BUFFERS_WITH_LAYER_NORM) run();
      else runtime.deferrals.defer([x, branch, gamma, keep], [y], { kind: RESIDUAL, args, run });
      return { y };
    },
    backward({ dy, branch, gamma, keep }) {
      const { rows, width, quadsPerRow } = rowsOf(branch);
      const dbranch = runtime.allocate(branch.shape, "float32", runtime.storage(branch));
      const dgamma = gamma && runtime.allocateGradient(gamma);
      const columnGroups = dgamma === null ? 0 : columnGroupsOf(width);
      const branchGroups = Math.ceil(rows * quadsPerRow / SUM_WORKGROUP);
      runner.run({
        file: BACKWARD,
        constants: {
          WORKGROUP: SUM_WORKGROUP,
          COLUMN_QUADS,
          HAS_GAMMA: gamma !== null,
          HAS_KEEP: keep !== null,
        },
        reads: { dy, branch, gamma, keep: runner.floats(keep) },
        writes: { dbranch, dgamma },
        uniforms: { rows, width, quadsPerRow, tokens: tokensOf(branch), columnGroups },
        isQuadWide: width % 4 === 0,
        grid: foldedGrid(columnGroups + branchGroups, 1),
      });
      return { dbranch, dgamma };
    },
  };
}

/** Rows that share one entry of `keep`. */
export function tokensOf(branch: Tensor): number {
  return branch.size / branch.shape[0] / branch.shape.at(-1)!;
}
