/**
 * Layer norm in one dispatch forward, which makes the residual sum before it on the way, and one
 * backward, which adds the gradient that goes past it.
 *
 * @module
 */

import backwardCode from "../shaders/layer_norm_backward.wgsl" with { type: "text" };
import columnSums from "../shaders/column_sums.wgsl" with { type: "text" };
import forwardCode from "../shaders/layer_norm.wgsl" with { type: "text" };
import ofResidual from "../shaders/layer_norm_of_residual.wgsl" with { type: "text" };
import ofTensor from "../shaders/layer_norm_of_tensor.wgsl" with { type: "text" };
import rowSums from "../shaders/row_sums.wgsl" with { type: "text" };
import type { Tensor, TensorInfo } from "../../../deps/tfjs.ts";
import type { LayerNormKernel } from "../../kernels.ts";
import { float, foldedGrid, type ShaderRunner } from "../shader.ts";
import { COLUMN_QUADS, columnGroupsOf, rowsOf, WORKGROUP } from "./_shapes.ts";
import { type DeferredResidual, RESIDUAL, tokensOf } from "./residual.ts";

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

export function layerNormKernel(runner: ShaderRunner): LayerNormKernel {
  const { runtime } = runner;

  function normalize(x: Tensor, given: ForwardArguments): void {
    const { y, statistics, weight, bias, epsilon } = given;
    const { rows, width } = rowsOf(x);
    const common = {
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(rows, 1),
    };
    const uniforms = { rows, width, epsilon: float(epsilon) };
    const writes = { y, statistics: runner.floats(statistics) };
    const sum = runtime.deferrals.take<DeferredResidual>(x, RESIDUAL);
    if (sum === null) {
      const reads = { x, weight, bias };
      runner.run({ file: FORWARD, constants: { WORKGROUP }, reads, writes, uniforms, ...common });
      return;
    }
    const { x: stream, branch, gamma, keep } = sum.args;
    runner.run({
      file: FORWARD_OF_RESIDUAL,
      constants: { WORKGROUP, HAS_GAMMA: gamma !== null, HAS_KEEP: keep !== null },
      reads: { weight, bias, stream, branch, gamma, keep: runner.floats(keep) },
      writes: { x, ...writes },
      uniforms: { ...uniforms, tokens: tokensOf(branch) },
      ...common,
    });
    sum.done();
  }

  return {
    forward({ x, weight, bias, epsilon }) {
      const y = runtime.allocate(x.shape);
      const statistics = runtime.allocate([rowsOf(x).rows, 2]);
      normalize(x, { y, statistics, weight, bias, epsilon });
      runner.allowDemotion(y);
      return { y, saved: [statistics] };
    },
    backward({ dy, x, weight, saved: [statistics] }) {
      const { rows, width } = rowsOf(x);
      const dx = runtime.allocateLater(x.shape);
      const dweight = runtime.allocate([width]);
      const dbias = runtime.allocate([width]);
      const columnGroups = columnGroupsOf(width);
      const run = (added: TensorInfo | null, sum: TensorInfo) =>
        runner.run({
          file: BACKWARD,
          constants: { WORKGROUP, COLUMN_QUADS, HAS_ADDED: added !== null },
          reads: { dy, x, weight, statistics: runner.floats(statistics), added },
          writes: { dx: sum, dweight, dbias },
          uniforms: { rows, width, columnGroups },
          isQuadWide: width % 4 === 0,
          grid: foldedGrid(columnGroups + rows, 1),
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

interface ForwardArguments {
  readonly y: Tensor;
  readonly statistics: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
  readonly epsilon: number;
}
