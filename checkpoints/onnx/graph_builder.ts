/**
 * Builds an ONNX graph node by node and writes it with streamed weights.
 *
 * Field numbers follow onnx.proto3; operators are those of opset 17.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import { sizeOf } from "../../core/shapes.ts";
import type { ByteSink } from "../tensors/file_sink.ts";
import {
  bytesField,
  floatField,
  integerField,
  lengthPrefix,
  message,
} from "../../core/protobuf.ts";

const OPSET = 17;
/** The file format version that goes with opset 17. */
const IR_VERSION = 8;
const FLOAT = 1;
const UINT8 = 2;
const INT64 = 7;
const FLOAT16 = 10;
const ITEM_BYTES: Readonly<Record<number, number>> = {
  [FLOAT]: 4,
  [UINT8]: 1,
  [INT64]: 8,
  [FLOAT16]: 2,
};
/** Protocol buffers are limited to 2 GiB. */
const MAX_BYTES = 2 ** 31 - 1;

/** An attribute of a node: an integer, a list of integers, or a float marked as such. */
export type Attribute = number | readonly number[] | { readonly float: number };

/**
 * Number format of a graph. In `float16` all weights and results have 16 bits; in `int8` the weights of large
 * products have 8, and their inputs are rounded to 8 as they come. Inputs and outputs stay float32.
 */
export type OnnxPrecision = "float32" | "float16" | "int8";

interface Initializer {
  readonly header: Uint8Array;
  readonly bytes: number;
  read(): Uint8Array | Promise<Uint8Array>;
}

function attributeField(name: string, value: Attribute): Uint8Array {
  const typed = typeof value === "number"
    ? [integerField(3, value), integerField(20, 2)]
    : "float" in value
    ? [floatField(2, value.float), integerField(20, 1)]
    : [...value.map((item) => integerField(8, item)), integerField(20, 7)];
  return bytesField(5, [bytesField(1, name), ...typed]);
}

/** A graph input or output; a string names a dynamic dimension. */
function valueInfo(field: number, name: string, shape: readonly (number | string)[]): Uint8Array {
  const extents = shape.map((extent) =>
    bytesField(1, [typeof extent === "number" ? integerField(1, extent) : bytesField(2, extent)])
  );
  const tensor = bytesField(1, [integerField(1, FLOAT), bytesField(2, extents)]);
  return bytesField(field, [bytesField(1, name), bytesField(2, [tensor])]);
}

function viewOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The 8-bit number that stands for 0. */
const zeroPoint = 128;

/** A matrix in 8 bits, rounded to the nearest, and what its columns are multiplied by. */
function quantizeColumns(
  values: Float32Array,
  columns: number,
): { bytes: Uint8Array; scales: Float32Array } {
  const scales = new Float32Array(columns);
  values.forEach((value, i) => {
    scales[i % columns] = Math.max(scales[i % columns], Math.abs(value) / 127);
  });
  const bytes = Uint8Array.from(
    values,
    (value, i) => Math.round(value / (scales[i % columns] || 1)) + zeroPoint,
  );
  return { bytes, scales };
}

/** A graph under construction. Values are identified by name. */
export class GraphBuilder {
  readonly #nodes: Uint8Array[] = [];
  readonly #borders: Uint8Array[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #constants = new Map<string, string>();
  readonly #precision: OnnxPrecision;
  #count = 0;

  constructor(precision: OnnxPrecision = "float32") {
    this.#precision = precision;
  }

  get #isHalf(): boolean {
    return this.#precision === "float16";
  }

  /** Declares an input and returns the name of its value in the graph's number format. */
  input(name: string, shape: readonly (number | string)[]): string {
    this.#borders.push(valueInfo(11, name, shape));
    return this.#isHalf ? this.node("Cast", [name], { to: FLOAT16 }) : name;
  }

  /** Makes a value an output under a given name. */
  output(name: string, value: string, shape: readonly (number | string)[]): void {
    if (this.#isHalf) this.#add("Cast", [value], { to: FLOAT }, [name]);
    else this.#add("Identity", [value], {}, [name]);
    this.#borders.push(valueInfo(12, name, shape));
  }

  /** Adds a node and returns the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): string {
    const output = `${operator}_${this.#count++}`;
    this.#add(operator, inputs, attributes, [output]);
    return output;
  }

  #add(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute>,
    outputs: readonly string[],
  ): void {
    this.#nodes.push(bytesField(1, [
      ...inputs.map((name) => bytesField(1, name)),
      ...outputs.map((name) => bytesField(2, name)),
      bytesField(3, outputs[0]),
      bytesField(4, operator),
      ...Object.entries(attributes).map(([name, value]) => attributeField(name, value)),
    ]));
  }

  #initializer(
    name: string,
    type: number,
    shape: readonly number[],
    read: Initializer["read"],
  ): string {
    const bytes = sizeOf(shape) * ITEM_BYTES[type];
    const header = message([
      ...shape.map((extent) => integerField(1, extent)),
      integerField(2, type),
      bytesField(8, name),
      lengthPrefix(9, bytes),
    ]);
    this.#initializers.push({ header, bytes, read });
    return name;
  }

  /** Float weights that are read when the file is written. */
  weights(
    name: string,
    shape: readonly number[],
    read: () => Promise<Float32Array>,
  ): string {
    const type = this.#isHalf ? FLOAT16 : FLOAT;
    return this.#initializer(name, type, shape, async () => this.#floatBytes(await read()));
  }

  /** In the graph's number format. */
  #floatBytes(values: Float32Array): Uint8Array {
    return viewOf(this.#isHalf ? Float16Array.from(values) : values);
  }

  /** A float number. */
  scalar(value: number): string {
    const type = this.#isHalf ? FLOAT16 : FLOAT;
    return this.#constant(`float_${value}`, type, [], this.#floatBytes(new Float32Array([value])));
  }

  /**
   * `x W`, with the weights [I, O] that `read` gives. In `int8`, each column has a scale of its own and the zero
   * point 128: the products of two unsigned numbers overflow on no processor.
   */
  product(
    x: string,
    name: string,
    [rows, columns]: readonly [number, number],
    read: () => Promise<Float32Array>,
  ): string {
    if (this.#precision !== "int8") {
      return this.node("MatMul", [x, this.weights(name, [rows, columns], read)]);
    }
    const quantized = async () => quantizeColumns(await read(), columns);
    const bytes = this.#initializer(
      `${name}.quantized`,
      UINT8,
      [rows, columns],
      async () => (await quantized()).bytes,
    );
    const scales = this.#initializer(
      `${name}.scales`,
      FLOAT,
      [columns],
      async () => viewOf((await quantized()).scales),
    );
    const zero = this.#constant("zero_point", UINT8, [], Uint8Array.of(zeroPoint));
    const rounded = `Quantized_${this.#count++}`;
    const [scale, middle] = [`${rounded}.scale`, `${rounded}.zero_point`];
    this.#add("DynamicQuantizeLinear", [x], {}, [rounded, scale, middle]);
    const sums = this.node("MatMulInteger", [rounded, bytes, middle, zero]);
    const floats = this.node("Cast", [sums], { to: FLOAT });
    return this.node("Mul", [floats, this.node("Mul", [scale, scales])]);
  }

  /** A list of int64, or a scalar if a number is given. */
  integers(value: number | readonly number[]): string {
    const list = typeof value === "number" ? [value] : value;
    const shape = typeof value === "number" ? [] : [list.length];
    const name = `int64_${typeof value === "number" ? "scalar_" : ""}${list.join("_")}`;
    return this.#constant(name, INT64, shape, viewOf(BigInt64Array.from(list, BigInt)));
  }

  /** A matrix of int64 under its own name. */
  indices(name: string, shape: readonly number[], values: Int32Array): string {
    return this.#constant(name, INT64, shape, viewOf(BigInt64Array.from(values, BigInt)));
  }

  #constant(
    name: string,
    type: number,
    shape: readonly number[],
    bytes: Uint8Array,
  ): string {
    const known = this.#constants.get(name);
    if (known) return known;
    this.#constants.set(name, name);
    return this.#initializer(name, type, shape, () => bytes);
  }

  /** Writes the model; weights are read one after another. */
  async write(
    sink: ByteSink,
    about: { name: string; metadata: Record<string, string> },
  ): Promise<void> {
    const small = message([...this.#nodes, bytesField(2, about.name), ...this.#borders]);
    const tensors = this.#initializers.map((tensor) => ({
      prefix: lengthPrefix(5, tensor.header.length + tensor.bytes),
      tensor,
    }));
    const graphBytes = tensors.reduce(
      (sum, { prefix, tensor }) => sum + prefix.length + tensor.header.length + tensor.bytes,
      small.length,
    );
    if (graphBytes > MAX_BYTES - 2 ** 16) {
      throw new UserError(`Cannot export to ONNX: the model's ${graphBytes} bytes exceed 2 GiB`);
    }
    sink.write(message([
      integerField(1, IR_VERSION),
      bytesField(2, "mimic"),
      bytesField(8, [bytesField(1, ""), integerField(2, OPSET)]),
      ...Object.entries(about.metadata).map(([key, value]) =>
        bytesField(14, [bytesField(1, key), bytesField(2, value)])
      ),
      lengthPrefix(7, graphBytes),
    ]));
    sink.write(small);
    for (const { prefix, tensor } of tensors) {
      sink.write(prefix);
      sink.write(tensor.header);
      sink.write(await tensor.read());
    }
  }
}
