/** Linear layers: one product forward; backward one for the input, one for weight and bias. @module */

import slopeCode from "../shaders/activation_backward.wgsl" with { type: "text" };
import activationCode from "../shaders/activation.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Activation, LinearKernel } from "../../kernels.ts";
import { foldedGrid, type ShaderRunner } from "../shader.ts";
import { sumRowsInto } from "./_bias_gradient.ts";
import { rowsOf, storageFor, WORKGROUP } from "./_shapes.ts";
import { ACTIVATIONS, type MatrixProducts } from "./matrix_product.ts";

const SLOPE = { name: "activation_backward", code: slopeCode, includes: [activationCode] };

export function linearKernel(runner: ShaderRunner, products: MatrixProducts): LinearKernel {
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
        isAAlongDepth: true,
        isBAlongDepth: true,
        isRounded: precision === "float16",
        bias,
        activation,
        before,
      });
      return { y, saved: before ? [before] : [] };
    },
    backward({ dy, x, weight, saved, activation, hasBias, needsInputGradient, precision }) {
      const [outputs, inputs] = weight.shape as [number, number];
      const rows = x.shape[0];
      const isRounded = precision === "float16";
      const dz = activation === "none" ? dy : throughActivation(dy, saved[0], activation);
      const dweight = runtime.allocate([outputs, inputs]);
      products.run({
        a: dz,
        b: x,
        c: dweight,
        rows: outputs,
        columns: inputs,
        depth: rows,
        isAAlongDepth: false,
        isBAlongDepth: false,
        isRounded,
      });
      const dbias = hasBias ? runtime.allocate([outputs]) : null;
      if (dbias !== null) sumRowsInto(runner, dz, dbias);
      if (!needsInputGradient) return { dx: null, dweight, dbias };
      const dx = runtime.allocate(x.shape, "float32", storageFor(precision, inputs, outputs));
      products.run({
        a: dz,
        b: weight,
        c: dx,
        rows,
        columns: inputs,
        depth: outputs,
        isAAlongDepth: true,
        isBAlongDepth: false,
        isRounded,
      });
      return { dx, dweight, dbias };
    },
  };
}
