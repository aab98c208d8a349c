/**
 * Layer norm in one dispatch forward, which also computes the preceding residual sum, and one
 * backward, which adds the gradient that bypasses it.
 *
 * @module
 */

import backwardCode from "./layer_norm_backward.wgsl" with { type: "text" };
import columnSums from "../../shaders/column_sums.wgsl" with { type: "text" };
import forwardCode from "./layer_norm.wgsl" with { type: "text" };
import ofResidual from "./layer_norm_of_residual.wgsl" with { type: "text" };
import ofTensor from "./layer_norm_of_tensor.wgsl" with { type: "text" };
import rowSums from "../../shaders/row_sums.wgsl" with { type: "text" };
import type { TensorInfo } from "../../../../deps/tfjs.ts";
import type { LayerNormKernel } from "../../../kernels.ts";
import { isTapeOpen } from "../../../tfjs/tape.ts";
import { float, foldedGrid } from "../../shaders/shader_runner.ts";
import {
  COLUMN_QUADS,
  columnGroupsOf,
  rowsOf,
  SUM_WORKGROUP,
  WORKGROUP,
} from "../../shaders/shapes.ts";
import { type DeferredResidual, RESIDUAL, tokensOf } from "../residual/residual.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = { name: "layer_norm", code: forwardCode, includes: [rowSums, ofTensor] };
const FORWARD_OF_RESIDUAL = {
  name: "layer_norm_of_residual",
  code: forwardCode,
  includes: [rowSums, ofResidual],
};
const BACKWARD = {
  name: "layer_norm_backward",
  code: backwardCode,
  includes: [columnSums, rowSums],
};

/** Kind of the deferred backward pass; see {@link DeferredLayerNormGradient}. */
export const LAYER_NORM_BACKWARD = "layer norm backward";

/** The backward pass, with a tensor of dx's shape to be added to dx, and where to put the sum. */
export interface DeferredLayerNormGradient {
  readonly runWith: (added: TensorInfo, sum: TensorInfo) => void;
}

export function layerNormKernel({ runner }: KernelTools): LayerNormKernel {
  const { runtime } = runner;
  const canKeepHalf = runtime.device.limits.maxStorageBuffersPerShaderStage >= 10;

  function normalizeTensor({ x, weight, bias, epsilon }: ForwardArguments): Normalized {
    const { rows, width } = rowsOf(x);
    const [y, statistics] = [runtime.allocate(x.shape), runtime.allocate([rows, 2])];
    runner.run({
      file: FORWARD,
      constants: { WORKGROUP },
      reads: { x, weight, bias },
      writes: { y, statistics: runner.floats(statistics) },
      uniforms: { rows, width, epsilon: float(epsilon) },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(rows, 1),
    });
    // What products read in float16 may be stored so.
    runner.allowDemotion(y);
    return { y, saved: [statistics] };
  }

  /** Makes `x`, the sum of a stream and a branch, on the way. */
  function normalizeSum(
    { x, weight, bias, epsilon }: ForwardArguments,
    { x: stream, branch, gamma, keep }: DeferredResidual,
  ): Normalized {
    const { rows, width } = rowsOf(x);
    // A branch in float16 tells that products are in float16: so will be those that read y.
    const storage = width % 4 === 0 ? runtime.storage(branch) : "float32";
    const y = runtime.allocate(x.shape, "float32", storage);
    const statistics = runtime.allocate([rows, 2]);
    // Nobody keeps it if no backward pass follows, or if it is recomputed in a second forward pass.
    const isKept = isTapeOpen() && storage === "float16" && canKeepHalf;
    const halfStream = isKept && runner.takeDemotable(stream)
      ? runtime.allocate(stream.shape, "float32", "float16")
      : null;
    runner.run({
      file: FORWARD_OF_RESIDUAL,
      constants: {
        WORKGROUP,
        HAS_GAMMA: gamma !== null,
        HAS_KEEP: keep !== null,
        KEEPS_HALF: halfStream !== null,
      },
      reads: { weight, bias, stream, branch, gamma, keep: runner.floats(keep) },
      writes: { x, y, statistics: runner.floats(statistics), halfStream },
      uniforms: { rows, width, epsilon: float(epsilon), tokens: tokensOf(branch) },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(rows, 1),
    });
    if (halfStream !== null) runtime.replaceByHalf(stream, halfStream);
    runner.allowDemotion(x);
    return { y, saved: [statistics] };
  }

  return {
    forward(given) {
      const sum = runtime.deferrals.take<DeferredResidual>(given.x, RESIDUAL);
      if (sum === null) return normalizeTensor(given);
      const normalized = normalizeSum(given, sum.args);
      sum.done();
      return normalized;
    },
    backward({ dy, x, weight, bias, saved: [statistics] }) {
      const { rows, width } = rowsOf(x);
      const dx = runtime.allocateLater(x.shape);
      const dweight = runtime.allocateGradient(weight);
      const dbias = runtime.allocateGradient(bias);
      const columnGroups = columnGroupsOf(width);
      const run = (added: TensorInfo | null, sum: TensorInfo) =>
        runner.run({
          file: BACKWARD,
          constants: {
            WORKGROUP: SUM_WORKGROUP,
            COLUMN_QUADS,
            ROW_THREADS: WORKGROUP,
            HAS_ADDED: added !== null,
          },
          reads: { dy, x, weight, statistics: runner.floats(statistics), added },
          writes: { dx: sum, dweight, dbias },
          uniforms: { rows, width, columnGroups },
          isQuadWide: width % 4 === 0,
          grid: foldedGrid(columnGroups + Math.ceil(rows * WORKGROUP / SUM_WORKGROUP), 1),
        });
      const args: DeferredLayerNormGradient = { runWith: run };
      runtime.deferrals.defer([dy, x, weight, statistics], [dx, dweight, dbias], {
        kind: LAYER_NORM_BACKWARD,
        args,
        run: () => run(null, dx),
      });
      return { dx, dweight, dbias };
    },
  };
}

type ForwardArguments = Parameters<LayerNormKernel["forward"]>[0];
type Normalized = ReturnType<LayerNormKernel["forward"]>;
