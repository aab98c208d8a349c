/** Linear layers: one dispatch forward; backward one, and one before it for an activation. @module */

import slopeCode from "./activation_backward.wgsl" with { type: "text" };
import activationCode from "../../shaders/activation.wgsl" with { type: "text" };
import type { Tensor } from "../../../../deps/tfjs.ts";
import type { Activation, LinearKernel } from "../../../kernels.ts";
import { foldedGrid } from "../../shaders/shader_runner.ts";
import { rowsOf, storageFor, WORKGROUP } from "../../shaders/shapes.ts";
import { ACTIVATIONS } from "../../products/matrix_product.ts";
import type { KernelTools } from "../kernel_tools.ts";

const SLOPE = { name: "activation_backward", code: slopeCode, includes: [activationCode] };

export function linearKernel({ runner, products }: KernelTools): LinearKernel {
  const { runtime } = runner;

  /** dy·activation′, the gradient before the activation. */
  function throughActivation(dy: Tensor, before: Tensor, activation: Activation): Tensor {
    const { rows, width, quadsPerRow } = rowsOf(before);
    const dz = runtime.allocate(before.shape, "float32", runtime.storage(before));
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
      products.run({
        a: x,
        b: weight,
        c: y,
        rows,
        columns: outputs,
        depth: inputs,
        isRounded: precision === "float16",
        bias,
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
        ? runtime.allocate(x.shape, "float32", storageFor(precision, inputs, outputs))
        : null;
      products.runBackward({ dz, x, weight, dx, dweight, dbias, isRounded });
      return { dx, dweight, dbias };
    },
  };
}
