/** Writing the pickles (protocol 2) that `torch.load(weights_only=True)` reads. */

import { UserError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shapes.ts";
import type { DType, LazyTensor, TensorData } from "../tensors/tensor_data.ts";

/** What a `.pth` file can be built from; objects become dicts, a `Map` an `OrderedDict`. */
export type PthContent =
  | null
  | boolean
  | number
  | string
  | TensorData
  | LazyTensor
  | readonly PthContent[]
  | ReadonlyMap<string, PthContent>
  | { readonly [key: string]: PthContent };

const STORAGE_CLASS: Record<DType, string> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

const utf8 = new TextEncoder();

/** Whether a value is a tensor rather than a dict. */
function isTensor(value: object): value is TensorData | LazyTensor {
  return "dtype" in value && "shape" in value && ("data" in value || "read" in value);
}

class PickleWriter {
  readonly #bytes: number[] = [];
  readonly tensors: (TensorData | LazyTensor)[] = [];

  finish(content: PthContent): Uint8Array {
    this.#bytes.push(0x80, 2); // PROTO 2
    this.#value(content);
    this.#bytes.push(0x2e); // STOP
    return new Uint8Array(this.#bytes);
  }

  #value(value: PthContent): void {
    if (value === null) this.#bytes.push(0x4e); // NONE
    else if (typeof value === "boolean") this.#bytes.push(value ? 0x88 : 0x89); // NEWTRUE, NEWFALSE
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "string") this.#text(value);
    else if (Array.isArray(value)) this.#list(value);
    else if (value instanceof Map) this.#orderedDict(value);
    else if (isTensor(value)) this.#tensor(value);
    else this.#dict(Object.entries(value as { [key: string]: PthContent }));
  }

  #number(value: number): void {
    const isInteger = Number.isInteger(value) && !Object.is(value, -0);
    if (isInteger && Math.abs(value) < 2 ** 31) {
      this.#fixed(0x4a, 4, (view) => view.setInt32(1, value, true)); // BININT
    } else if (Number.isSafeInteger(value) && isInteger) {
      this.#bytes.push(0x8a, 8); // LONG1 of 8 bytes
      this.#raw(8, (view) => view.setBigInt64(0, BigInt(value), true));
    } else {
      this.#fixed(0x47, 8, (view) => view.setFloat64(1, value, false)); // BINFLOAT
    }
  }

  #raw(length: number, fill: (view: DataView) => void): void {
    const bytes = new Uint8Array(length);
    fill(new DataView(bytes.buffer));
    this.#bytes.push(...bytes);
  }

  #fixed(opcode: number, length: number, fill: (view: DataView) => void): void {
    this.#raw(1 + length, (view) => {
      view.setUint8(0, opcode);
      fill(view);
    });
  }

  #text(value: string): void {
    const bytes = utf8.encode(value);
    this.#fixed(0x58, 4, (view) => view.setUint32(1, bytes.length, true)); // BINUNICODE
    for (const byte of bytes) this.#bytes.push(byte);
  }

  #global(module: string, name: string): void {
    this.#bytes.push(0x63, ...utf8.encode(`${module}\n${name}\n`)); // GLOBAL
  }

  #list(items: readonly PthContent[]): void {
    this.#bytes.push(0x5d, 0x28); // EMPTY_LIST MARK
    for (const item of items) this.#value(item);
    this.#bytes.push(0x65); // APPENDS
  }

  #items(entries: Iterable<readonly [string, PthContent]>): void {
    this.#bytes.push(0x28); // MARK
    for (const [key, value] of entries) {
      this.#text(key);
      this.#value(value);
    }
    this.#bytes.push(0x75); // SETITEMS
  }

  #dict(entries: [string, PthContent][]): void {
    this.#bytes.push(0x7d); // EMPTY_DICT
    this.#items(entries);
  }

  #orderedDict(entries: Iterable<readonly [string, PthContent]>): void {
    this.#global("collections", "OrderedDict");
    this.#bytes.push(0x29, 0x52); // EMPTY_TUPLE REDUCE
    this.#items(entries);
  }

  #tuple(items: readonly number[]): void {
    this.#bytes.push(0x28); // MARK
    for (const item of items) this.#number(item);
    this.#bytes.push(0x74); // TUPLE
  }

  /** `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())` */
  #tensor(tensor: TensorData | LazyTensor): void {
    const { dtype, shape } = tensor;
    const stride = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
    this.#global("torch._utils", "_rebuild_tensor_v2");
    this.#bytes.push(0x28, 0x28); // MARK MARK
    this.#text("storage");
    this.#global("torch", STORAGE_CLASS[dtype]);
    this.#text(String(this.tensors.length));
    this.#text("cpu");
    this.#number(sizeOf(shape));
    this.#bytes.push(0x74, 0x51); // TUPLE BINPERSID
    this.#number(0);
    this.#tuple(shape);
    this.#tuple(stride);
    this.#bytes.push(0x89); // NEWFALSE
    this.#orderedDict([]);
    this.#bytes.push(0x74, 0x52); // TUPLE REDUCE
    this.tensors.push(tensor);
  }
}

/** The pickle of a value, and its tensors in the order of their storage keys `0`, `1`, … */
export function pickle(
  content: PthContent,
): { bytes: Uint8Array; tensors: (TensorData | LazyTensor)[] } {
  const writer = new PickleWriter();
  let bytes: Uint8Array;
  try {
    bytes = writer.finish(content);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new UserError("Cannot write the file: its content is nested too deeply", {
      cause: error,
    });
  }
  return { bytes, tensors: writer.tensors };
}
