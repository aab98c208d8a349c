/** Linear layers: product, bias and activation in one pass. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import type { Activation, LinearKernel } from "../../kernels.ts";
import { columnSumItems, columnSumsJob } from "../jobs/column_sums.ts";
import { activationBackwardJob, elementItems } from "../jobs/elementwise.ts";
import { activationKernelNames } from "../jobs/gemm.ts";
import { addressOf, type Runtime } from "../runtime.ts";
import { multiplyMatrices } from "./matrix_product.ts";

/** Multiplications that one value of an activation costs, roughly. */
export const activationWork = 20;

/** The sums of the columns of `source` [rows, columns], as a tensor. */
export function sumColumns(
  runtime: Runtime,
  source: { address: number; rows: number; columns: number; rowBytes?: number },
): Tensor {
  const { address, rows, columns } = source;
  const sums = runtime.tensors.empty([columns]);
  runtime.pool.run(columnSumsJob, {
    source: address,
    rowBytes: source.rowBytes ?? columns * 4,
    rows,
    columns,
    sums: addressOf(runtime, sums),
  }, { items: columnSumItems(columns), work: rows * columns });
  return sums;
}

/** dy·f′(z) as a new tensor. */
function throughActivation(
  runtime: Runtime,
  dy: Tensor,
  z: Tensor,
  activation: Activation,
): Tensor {
  const result = runtime.tensors.empty(dy.shape);
  runtime.pool.run(activationBackwardJob, {
    dy: addressOf(runtime, dy),
    x: addressOf(runtime, z),
    dx: addressOf(runtime, result),
    count: dy.size,
    activation: activationKernelNames.indexOf(activation as "gelu"),
  }, { items: elementItems(dy.size), work: dy.size * activationWork });
  return result;
}

type BackwardArguments = Parameters<LinearKernel["backward"]>[0];

function backward(runtime: Runtime, values: BackwardArguments) {
  const { x, weight, saved, activation, hasBias, needsInputGradient, precision } = values;
  const [rows, inputs] = x.shape;
  const outputs = weight.shape[0];
  const dz = activation === "none"
    ? values.dy
    : throughActivation(runtime, values.dy, saved[0], activation);
  const at = (tensor: Tensor) => ({ address: addressOf(runtime, tensor) });
  const dx = needsInputGradient ? runtime.tensors.empty([rows, inputs]) : null;
  if (dx !== null) {
    multiplyMatrices(runtime, {
      rows,
      columns: inputs,
      depth: outputs,
      a: at(dz),
      b: at(weight),
      c: at(dx),
      precision,
    });
  }
  const dweight = runtime.tensors.empty([outputs, inputs]);
  multiplyMatrices(runtime, {
    rows: outputs,
    columns: inputs,
    depth: rows,
    a: { ...at(dz), isTransposed: true },
    b: at(x),
    c: at(dweight),
    precision,
  });
  const dbias = hasBias ? sumColumns(runtime, { ...at(dz), rows, columns: outputs }) : null;
  if (dz !== values.dy) dz.dispose();
  return { dx, dweight, dbias };
}

/** See {@link LinearKernel}. */
export function createLinear(runtime: Runtime): LinearKernel {
  return {
    forward({ x, weight, bias, activation, precision }) {
      const [rows, inputs] = x.shape;
      const outputs = weight.shape[0];
      const y = runtime.tensors.empty([rows, outputs]);
      const z = activation === "none" ? y : runtime.tensors.empty([rows, outputs]);
      multiplyMatrices(runtime, {
        rows,
        columns: outputs,
        depth: inputs,
        a: { address: addressOf(runtime, x) },
        b: { address: addressOf(runtime, weight), isTransposed: true },
        c: { address: addressOf(runtime, z) },
        start: bias === null ? "zero" : { bias: addressOf(runtime, bias) },
        activation,
        activated: addressOf(runtime, y),
        precision,
      });
      return { y, saved: activation === "none" ? [] : [z] };
    },
    backward: (values) => backward(runtime, values),
  };
}
