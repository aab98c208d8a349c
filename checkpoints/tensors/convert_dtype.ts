/** Writing weights at half the size. */

import { UserError } from "../../core/errors.ts";
import { type DType, type LazyTensor, type TensorMap, toFloat32 } from "./tensor_data.ts";

/** A floating-point type to write. */
export type ConvertDType = "float32" | "float16" | "bfloat16";

/** What `--dtype` accepts. */
export const CONVERT_DTYPES = [
  "float32",
  "float16",
  "bfloat16",
] as const satisfies ConvertDType[];

const NAMES: Readonly<Record<ConvertDType, DType>> = {
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
};

const FLOATING: readonly DType[] = ["F64", "F32", "F16", "BF16"];

/** The largest number of float16. */
const FLOAT16_MAX = 65504;

function toHalf(name: string, values: Float32Array): Uint16Array {
  const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (largest > FLOAT16_MAX) {
    throw new UserError(
      `Cannot write "${name}" as float16: it holds ${largest}, and float16 ends at ${FLOAT16_MAX}`,
      { hint: "give --dtype bfloat16" },
    );
  }
  return new Uint16Array(new Float16Array(values).buffer);
}

/** Rounds to the nearest, ties to even, as PyTorch does. */
function toBfloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, (word, index) => {
    if (Number.isNaN(values[index])) return 0x7fc0;
    return (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  });
}

function converted(name: string, tensor: LazyTensor, dtype: ConvertDType): LazyTensor {
  const { shape } = tensor;
  return {
    dtype: NAMES[dtype],
    shape,
    async read() {
      const values = toFloat32(await tensor.read());
      const data = dtype === "float32"
        ? values
        : dtype === "float16"
        ? toHalf(name, values)
        : toBfloat16(values);
      return { dtype: NAMES[dtype], shape, data };
    },
  };
}

/**
 * The same tensors with all floating-point ones in one type; integers stay unchanged, and so does the
 * tokenizer's codebook, because the ids depend on it.
 */
export function convertDType(tensors: TensorMap, dtype: ConvertDType): TensorMap {
  const isKept = (name: string, tensor: LazyTensor) =>
    !FLOATING.includes(tensor.dtype) || /(^|\.)quantize\./.test(name) ||
    tensor.dtype === NAMES[dtype];
  return new Map(
    [...tensors].map(([name, tensor]) =>
      [name, isKept(name, tensor) ? tensor : converted(name, tensor, dtype)] as const
    ),
  );
}
