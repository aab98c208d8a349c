/** Linear layers: one product forward; backward one for the input, one for weight and bias. @module */

import slopeCode from "../shaders/activation_backward.wgsl" with { type: "text" };
import activationCode from "../shaders/activation.wgsl" with { type: "text" };
import columnSums from "../shaders/column_sums.wgsl" with { type: "text" };
import biasCode from "../shaders/bias_backward.wgsl" with { type: "text" };
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Activation, LinearKernel } from "../../kernels.ts";
import type { Storage } from "../runtime.ts";
import { foldedGrid, type ShaderRunner } from "../shader.ts";
import { COLUMN_QUADS, columnGroupsOf, rowsOf, WORKGROUP } from "./_shapes.ts";
import { ACTIVATIONS, type MatrixProducts } from "./matrix_product.ts";

const SLOPE = { name: "activation_backward", code: slopeCode, includes: [activationCode] };
const BIAS = { name: "bias_backward", code: biasCode, includes: [columnSums] };

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

  function sumOfRows(dz: Tensor): Tensor {
    const { rows, width } = rowsOf(dz);
    const dbias = runtime.allocate([width]);
    runner.run({
      file: BIAS,
      constants: { WORKGROUP, COLUMN_QUADS },
      reads: { dz },
      writes: { dbias },
      uniforms: { rows, width },
      isQuadWide: width % 4 === 0,
      grid: foldedGrid(columnGroupsOf(width), 1),
    });
    return dbias;
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
      const dbias = hasBias ? sumOfRows(dz) : null;
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

/** Activations are stored as float16 where all of their widths allow whole quads. */
function storageFor(precision: string, ...widths: number[]): Storage {
  return precision === "float16" && widths.every((width) => width % 4 === 0)
    ? "float16"
    : "float32";
}
