/**
 * Tensors in transit between files and a model: plain arrays with a dtype and a shape.
 *
 * @module
 */

import { sizeOf } from "../../core/shapes.ts";

/** The element types found in checkpoints, by safetensors' names. */
export type DType = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** The array behind each dtype; `F16` and `BF16` hold the raw 16-bit patterns. */
export type TensorArray =
  | Float64Array
  | Float32Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

/** What is known about a tensor without reading it. */
export interface TensorInfo {
  /** The type of its elements. */
  readonly dtype: DType;
  /** Its dimensions. */
  readonly shape: readonly number[];
}

/** A tensor in memory, row-major. */
export interface TensorData extends TensorInfo {
  /** `Uint16Array` of bit patterns for `F16` and `BF16`, `Uint8Array` of 0 and 1 for `BOOL`. */
  readonly data: TensorArray;
}

/** A tensor that is read on demand. */
export interface LazyTensor extends TensorInfo {
  /** Reads its bytes. */
  read(): TensorData | Promise<TensorData>;
}

/** Tensors by name, read one at a time, in the order of their file. */
export type TensorMap = Map<string, LazyTensor>;

/** An open file of named tensors; both readers return this. */
export interface TensorFile {
  /** The names of all tensors in the order of the file. */
  names(): string[];
  /** Dtype and shape of one tensor; throws a `UserError` for an unknown name. */
  info(name: string): TensorInfo;
  /** Reads one tensor into newly allocated memory. */
  read(name: string): Promise<TensorData>;
  /** The file's own string metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Closes the file. */
  close(): void;
}

const ITEM_BYTES: Record<DType, number> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** Whether a string names a known dtype. */
export function isDType(name: unknown): name is DType {
  return typeof name === "string" && Object.hasOwn(ITEM_BYTES, name);
}

/** Bytes per element. */
export function itemBytes(dtype: DType): number {
  return ITEM_BYTES[dtype];
}

/** Bytes of a whole tensor. */
export function tensorBytes(info: TensorInfo): number {
  return sizeOf(info.shape) * ITEM_BYTES[info.dtype];
}

/**
 * The typed array over little-endian bytes, which must start at a multiple of the element size
 * within their buffer; readers allocate them that way.
 */
export function arrayOver(dtype: DType, bytes: Uint8Array<ArrayBuffer>): TensorArray {
  const { buffer, byteOffset } = bytes;
  const length = bytes.byteLength / ITEM_BYTES[dtype];
  switch (dtype) {
    case "F64":
      return new Float64Array(buffer, byteOffset, length);
    case "F32":
      return new Float32Array(buffer, byteOffset, length);
    case "F16":
    case "BF16":
      return new Uint16Array(buffer, byteOffset, length);
    case "I64":
      return new BigInt64Array(buffer, byteOffset, length);
    case "I32":
      return new Int32Array(buffer, byteOffset, length);
    case "I16":
      return new Int16Array(buffer, byteOffset, length);
    case "I8":
      return new Int8Array(buffer, byteOffset, length);
    case "U8":
    case "BOOL":
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** The bytes of a tensor, without a copy. */
export function bytesOf(tensor: TensorData): Uint8Array {
  const { buffer, byteOffset, byteLength } = tensor.data;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** One IEEE half-precision bit pattern as a number. */
function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/**
 * The values of a tensor of any dtype as float32, rounded to nearest. For a float32 tensor, this is its own
 * array, not a copy.
 *
 * @example bfloat16 is the upper half of float32
 * ```ts
 * import { toFloat32 } from "./tensor_data.ts";
 * const values = toFloat32({ dtype: "BF16", shape: [2], data: new Uint16Array([0x3f80, 0xc000]) });
 * if (values[0] !== 1 || values[1] !== -2) throw new Error(String(values));
 * ```
 */
export function toFloat32(tensor: TensorData): Float32Array {
  const { dtype, data } = tensor;
  if (dtype === "F32") return data as Float32Array;
  const values = new Float32Array(data.length);
  if (dtype === "BF16") {
    const bits = new Uint32Array(values.buffer);
    for (let i = 0; i < bits.length; i++) bits[i] = (data[i] as number) << 16;
  } else if (dtype === "F16") {
    for (let i = 0; i < values.length; i++) values[i] = fromHalf(data[i] as number);
  } else {
    for (let i = 0; i < values.length; i++) values[i] = Number(data[i]);
  }
  return values;
}
