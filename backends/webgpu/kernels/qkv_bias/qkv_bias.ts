/**
 * The bias of a joint q, k, v projection, one dispatch each way; forward only after its parts have changed: those
 * of a frozen model never do.
 *
 * @module
 */

import backwardCode from "./qkv_bias_backward.wgsl" with { type: "text" };
import forwardCode from "./qkv_bias.wgsl" with { type: "text" };
import type { QkvBiasKernel } from "../../../kernels.ts";
import { DerivedBuffers } from "../../derived_buffers.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";

const FORWARD = { name: "qkv_bias", code: forwardCode };
const BACKWARD = { name: "qkv_bias_backward", code: backwardCode };

export function qkvBiasKernel({ runner }: KernelTools): QkvBiasKernel {
  const { runtime } = runner;
  const biases = new DerivedBuffers(runtime);
  const common = (width: number) => ({
    constants: { WORKGROUP },
    uniforms: { width },
    isQuadWide: false,
    grid: foldedGrid(width, WORKGROUP),
  });
  return {
    forward({ qBias, vBias }) {
      const width = qBias.size;
      const slice = biases.of([qBias, vBias], 3 * width * 4, (y) =>
        runner.run({
          file: FORWARD,
          reads: { qBias: runner.floats(qBias), vBias: runner.floats(vBias) },
          writes: { y: { floats: y } },
          ...common(width),
        }));
      return { y: runtime.allocateAt([3 * width], slice) };
    },
    backward({ dy, qBias, vBias }) {
      const dqBias = runtime.allocateGradient(qBias);
      const dvBias = runtime.allocateGradient(vBias);
      runner.run({
        file: BACKWARD,
        reads: { dy: runner.floats(dy) },
        writes: { dqBias: runner.floats(dqBias), dvBias: runner.floats(dvBias) },
        ...common(dqBias.size),
      });
      return { dqBias, dvBias };
    },
  };
}
