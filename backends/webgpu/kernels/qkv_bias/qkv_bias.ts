/**
 * The bias of a joint q, k, v projection. The projection reads its parts where they are, and writes their
 * gradients; only if anything else asks for the whole, there is a dispatch each way.
 *
 * @module
 */

import backwardCode from "./qkv_bias_backward.wgsl" with { type: "text" };
import forwardCode from "./qkv_bias.wgsl" with { type: "text" };
import type { QkvBiasKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { WORKGROUP } from "../../shaders/shapes.ts";
import type { KernelTools } from "../kernel_tools.ts";
import { type DeferredLinearGradient, LINEAR_BACKWARD } from "../linear/linear.ts";
import { JOINT_BIAS, type JointBias } from "./joint_bias.ts";

const FORWARD = { name: "qkv_bias", code: forwardCode };
const BACKWARD = { name: "qkv_bias_backward", code: backwardCode };

/** Which result of a linear layer's backward pass the gradient of its bias is. */
const BIAS_GRADIENT = 1;

export function qkvBiasKernel({ runner }: KernelTools): QkvBiasKernel {
  const { runtime } = runner;
  const common = (width: number) => ({
    constants: { WORKGROUP },
    uniforms: { width },
    isQuadWide: false,
    grid: foldedGrid(width, WORKGROUP),
  });
  return {
    forward({ qBias, vBias }) {
      const width = qBias.size;
      const y = runtime.allocateLater([3 * width]);
      const run = () =>
        runner.run({
          file: FORWARD,
          reads: { qBias: runner.floats(qBias), vBias: runner.floats(vBias) },
          writes: { y: runner.floats(y) },
          ...common(width),
        });
      const args: JointBias = { qBias, vBias };
      if (width % 4 !== 0) run();
      else runtime.deferrals.defer([qBias, vBias], [y], { kind: JOINT_BIAS, args, run });
      return { y };
    },
    backward({ dy, qBias, vBias }) {
      const dqBias = runtime.allocateGradient(qBias);
      const dvBias = runtime.allocateGradient(vBias);
      const layer = qBias.size % 4 !== 0
        ? null
        : runtime.deferrals.take<DeferredLinearGradient>(dy, LINEAR_BACKWARD, BIAS_GRADIENT);
      if (layer !== null) {
        layer.args.runWith({ dbias: dqBias, dlastBias: dvBias });
        runtime.abandon(dy);
        layer.done();
        return { dqBias, dvBias };
      }
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
