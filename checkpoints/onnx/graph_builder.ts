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
const INT64 = 7;
/** Protocol buffers are limited to 2 GiB. */
const MAX_BYTES = 2 ** 31 - 1;

/** An attribute of a node: an integer, a list of integers, or a float marked as such. */
export type Attribute = number | readonly number[] | { readonly float: number };

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

/** A graph under construction. Values are identified by name. */
export class GraphBuilder {
  readonly #nodes: Uint8Array[] = [];
  readonly #borders: Uint8Array[] = [];
  readonly #initializers: Initializer[] = [];
  readonly #constants = new Map<string, string>();
  #count = 0;

  /** Declares an input and returns its name. */
  input(name: string, shape: readonly (number | string)[]): string {
    this.#borders.push(valueInfo(11, name, shape));
    return name;
  }

  /** Makes a value an output under a given name. */
  output(name: string, value: string, shape: readonly (number | string)[]): void {
    this.#add("Identity", [value], {}, name);
    this.#borders.push(valueInfo(12, name, shape));
  }

  /** Adds a node and returns the name of its output. */
  node(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute> = {},
  ): string {
    return this.#add(operator, inputs, attributes, `${operator}_${this.#count++}`);
  }

  #add(
    operator: string,
    inputs: readonly string[],
    attributes: Record<string, Attribute>,
    output: string,
  ): string {
    this.#nodes.push(bytesField(1, [
      ...inputs.map((name) => bytesField(1, name)),
      bytesField(2, output),
      bytesField(3, output),
      bytesField(4, operator),
      ...Object.entries(attributes).map(([name, value]) => attributeField(name, value)),
    ]));
    return output;
  }

  #initializer(
    name: string,
    type: number,
    shape: readonly number[],
    read: Initializer["read"],
  ): string {
    const bytes = sizeOf(shape) * (type === FLOAT ? 4 : 8);
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
    return this.#initializer(name, FLOAT, shape, async () => {
      const values = await read();
      return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    });
  }

  /** A float number. */
  scalar(value: number): string {
    return this.#constant(`float_${value}`, FLOAT, [], new Float32Array([value]));
  }

  /** A list of int64, or a scalar if a number is given. */
  integers(value: number | readonly number[]): string {
    const list = typeof value === "number" ? [value] : value;
    const shape = typeof value === "number" ? [] : [list.length];
    const name = `int64_${typeof value === "number" ? "scalar_" : ""}${list.join("_")}`;
    return this.#constant(name, INT64, shape, BigInt64Array.from(list, BigInt));
  }

  /** A matrix of int64 under its own name. */
  indices(name: string, shape: readonly number[], values: Int32Array): string {
    return this.#constant(name, INT64, shape, BigInt64Array.from(values, BigInt));
  }

  #constant(
    name: string,
    type: number,
    shape: readonly number[],
    values: Float32Array | BigInt64Array,
  ): string {
    const known = this.#constants.get(name);
    if (known) return known;
    this.#constants.set(name, name);
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
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
