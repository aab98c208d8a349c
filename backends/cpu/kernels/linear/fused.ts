/** Linear layers: product, bias and activation in one pass. @module */

import type { Tensor } from "../../../../deps/tfjs.ts";
import type { Activation, LinearKernel } from "../../../kernels.ts";
import { isTapeOpen } from "../../../tfjs/tape.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { activationKernelNames } from "../../products/gemm/job.ts";
import type { MatrixProduct } from "../../products/matrix_product.ts";
import {
  keepsBfloat16,
  multiplyMatrices,
  operandOf,
  writesBfloat16,
} from "../../products/multiply_matrices.ts";
import { addressOf, type Runtime } from "../../runtime.ts";
import { type Task, task } from "../../threads/program.ts";
import { elementItems } from "../../threads/stretches.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { activationBackwardJob, widenedBytes } from "./job.ts";

/** Roughly how many multiplications one value of an activation costs. */
const activationWork = 20;

/** dy·f′(z), as a new tensor that the task fills. */
function throughActivation(
  runtime: Runtime,
  dy: Tensor,
  z: Tensor,
  activation: Activation,
): { dz: Tensor; task: Task } {
  const dz = runtime.tensors.empty(dy.shape);
  // The forward pass kept half as many numbers: pairs of bfloat16.
  const isBfloat16 = z.size < dy.size;
  const backward = task(activationBackwardJob, {
    dy: addressOf(runtime, dy),
    x: addressOf(runtime, z),
    dx: addressOf(runtime, dz),
    count: dy.size,
    activation: activationKernelNames.indexOf(activation as "gelu"),
    isBfloat16: Number(isBfloat16),
  }, {
    items: elementItems(dy.size),
    work: dy.size * activationWork,
    scratchBytes: isBfloat16 ? widenedBytes : 0,
  });
  return { dz, task: backward };
}

type BackwardArguments = Parameters<LinearKernel["backward"]>[0];

function backward(runtime: Runtime, values: BackwardArguments) {
  const { dy, x, weight, bias, saved, activation, needsInputGradient, precision } = values;
  const [rows, inputs] = x.shape;
  const outputs = weight.shape[0];
  const active = activation === "none"
    ? null
    : throughActivation(runtime, dy, saved[0], activation);
  const at = (tensor: Tensor) => ({ address: addressOf(runtime, tensor) });
  const dz = at(active?.dz ?? dy);
  const dx = needsInputGradient ? runtime.tensors.empty([rows, inputs]) : null;
  const dweight = runtime.tensors.empty([outputs, inputs]);
  const dbias = bias && columnSums(runtime, { ...dz, rows, columns: outputs });
  const products: MatrixProduct[] = [{
    rows: outputs,
    columns: inputs,
    depth: rows,
    a: { ...dz, isTransposed: true },
    b: operandOf(runtime, x, precision),
    c: at(dweight),
    precision,
  }];
  if (dx !== null) {
    const [columns, depth] = [inputs, outputs];
    products.unshift({ rows, columns, depth, a: dz, b: at(weight), c: at(dx), precision });
  }
  multiplyMatrices(runtime, products, {
    before: active === null ? [] : [active.task],
    beside: dbias === null ? [] : [dbias.task],
  });
  active?.dz.dispose();
  return { dx, dweight, dbias: dbias && dbias.sums };
}

export const linear: CpuKernel<"linear"> = {
  descriptions,
  create(runtime) {
    return {
      forward({ x, weight, bias, activation, precision }) {
        const [rows, inputs] = x.shape;
        const outputs = weight.shape[0];
        // A layer with an activation is usually followed by another one, whose product rounds its input.
        const shape = { columns: outputs, depth: inputs, precision };
        const isRounded = activation !== "none" && writesBfloat16(runtime, shape);
        const y = isRounded
          ? runtime.tensors.emptyBfloat16([rows, outputs])
          : runtime.tensors.empty([rows, outputs]);
        const activated = isRounded
          ? runtime.tensors.pointerToBfloat16(y) as number
          : addressOf(runtime, y);
        // Kept for the backward pass, in bfloat16 if possible; without one it is overwritten.
        const keepsBefore = activation !== "none" && isTapeOpen();
        const isHalved = keepsBefore && keepsBfloat16(runtime, shape);
        const kept = keepsBefore
          ? runtime.tensors.empty([rows, isHalved ? outputs / 2 : outputs])
          : null;
        const z = kept === null || isHalved ? activated : addressOf(runtime, kept);
        multiplyMatrices(runtime, [{
          rows,
          columns: outputs,
          depth: inputs,
          a: operandOf(runtime, x, precision),
          b: { address: addressOf(runtime, weight), isTransposed: true },
          c: { address: isRounded ? 0 : z },
          start: bias === null ? "zero" : { bias: addressOf(runtime, bias) },
          activation,
          activated,
          activatedIsBfloat16: isRounded,
          kept: isHalved ? addressOf(runtime, kept) : 0,
          precision,
        }]);
        return { y, saved: kept === null ? [] : [kept] };
      },
      backward: (values) => backward(runtime, values),
    };
  },
};
