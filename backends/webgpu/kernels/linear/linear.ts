/**
 * Linear layers: one dispatch each way. Backward it waits until its results are read, for it can take the gradient
 * through the activation that made its input, and divide that of a joint bias into its parts, along the way.
 *
 * @module
 */

import slopeCode from "./activation_backward.wgsl" with { type: "text" };
import activationCode from "../../shaders/activation.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { Activation, LinearKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { rowsOf, storageFor, WORKGROUP } from "../../shaders/shapes.ts";
import { ACTIVATIONS, type LinearBackward } from "../../products/matrix_product.ts";
import type { KernelTools } from "../kernel_tools.ts";
import { JOINT_BIAS, type JointBias } from "../qkv_bias/joint_bias.ts";

const SLOPE = { name: "activation_backward", code: slopeCode, includes: [activationCode] };

/** Kind of the deferred backward pass; see {@link DeferredLinearGradient}. Its results: dx, dbias, dweight. */
export const LINEAR_BACKWARD = "linear backward";

/** The backward pass, with other places for its results than those it has. */
export interface DeferredLinearGradient {
  readonly runWith: (
    instead: Partial<Pick<LinearBackward, "dx" | "through" | "dbias" | "dlastBias">>,
  ) => void;
}

export function linearKernel({ runner, products }: KernelTools): LinearKernel {
  const { runtime } = runner;

  /** dy·activation′, the gradient before the activation. */
  function throughActivation(dy: Tensor, before: Tensor, activation: Activation): Tensor {
    const { rows, width, quadsPerRow } = rowsOf(before);
    const dz = runtime.allocate(before.shape, "float32", runtime.storage(before));
    const layer = runtime.deferrals.take<DeferredLinearGradient>(dy, LINEAR_BACKWARD);
    if (layer !== null) {
      layer.args.runWith({ dx: dz, through: { before, activation } });
      runtime.abandon(dy);
      layer.done();
      return dz;
    }
    runner.run({
      file: SLOPE,
      constants: { WORKGROUP, ACTIVATION: ACTIVATIONS[activation] },
      reads: { dy, before },
      writes: { dz },
      uniforms: { rows, width, quadsPerRow },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(rows * quadsPerRow, WORKGROUP),
    });
    return dz;
  }

  return {
    forward({ x, weight, bias, activation, precision }) {
      const [outputs, inputs] = weight.shape as [number, number];
      const rows = x.shape[0];
      const storage = storageFor(precision, inputs, outputs);
      if (storage === "float16") runner.demoteIfAllowed(x);
      const y = runtime.allocate([rows, outputs], "float32", storage);
      const before = activation === "none"
        ? null
        : runtime.allocate([rows, outputs], "float32", storage);
      const joint = bias && runtime.deferrals.peek<JointBias>(bias, JOINT_BIAS);
      products.run({
        a: x,
        b: weight,
        c: y,
        rows,
        columns: outputs,
        depth: inputs,
        isRounded: precision === "float16",
        bias: joint?.qBias ?? bias,
        lastBias: joint?.vBias,
        activation,
        before,
      });
      return { y, saved: before ? [before] : [] };
    },
    backward({ dy, x, weight, bias, saved, activation, needsInputGradient, precision }) {
      const [outputs, inputs] = weight.shape as [number, number];
      const isRounded = precision === "float16";
      const dz = activation === "none" ? dy : throughActivation(dy, saved[0], activation);
      const dweight = runtime.allocateGradient(weight);
      const dbias = bias && runtime.allocateGradient(bias);
      const dx = needsInputGradient
        ? runtime.allocateLater(x.shape, storageFor(precision, inputs, outputs))
        : null;
      const run: DeferredLinearGradient["runWith"] = (instead) =>
        products.runBackward({ dz, x, weight, dx, dweight, dbias, isRounded, ...instead });
      const args: DeferredLinearGradient = { runWith: run };
      runtime.deferrals.defer([dz, x, weight], [dx, dbias, dweight], {
        kind: LINEAR_BACKWARD,
        args,
        run: () => run({}),
      });
      return { dx, dweight, dbias };
    },
  };
}
