/**
 * Exact rounding to float16 and bfloat16: to nearest, with halfway cases to even.
 *
 * @module
 */

import type { KernelConfig, TensorInfo, TypedArray } from "../../deps/tfjs.ts";
import type { MathBackendCPU } from "../../deps/tfjs_cpu.ts";
import type { Precision } from "../backend.ts";
import { roundKernelName } from "../ops/round_to.ts";

function roundToFloat16(values: TypedArray): Float32Array {
  return Float32Array.from(new Float16Array(values));
}

/** bfloat16 is the upper half of a float32. */
function roundToBfloat16(values: TypedArray): Float32Array {
  const rounded = Float32Array.from(values);
  const words = new Uint32Array(rounded.buffer);
  for (let i = 0; i < words.length; i++) {
    if (Number.isNaN(rounded[i])) continue;
    const isOdd = (words[i] >>> 16) & 1;
    words[i] = (words[i] + 0x7fff + isOdd) & 0xffff0000;
  }
  return rounded;
}

/** The kernel behind `ops/round_to.ts`, for any backend that keeps its tensors as typed arrays. */
export const roundKernel: KernelConfig = {
  kernelName: roundKernelName,
  backendName: "",
  kernelFunc({ inputs, attrs, backend }) {
    const x = inputs.x as TensorInfo;
    const { precision } = attrs as unknown as { precision: Precision };
    const tensors = backend as MathBackendCPU;
    const values = tensors.readSync(x.dataId) as TypedArray;
    const rounded = precision === "float16" ? roundToFloat16(values) : roundToBfloat16(values);
    return tensors.makeTensorInfo(x.shape, "float32", rounded);
  },
};
