/**
 * What an ONNX file contains: its inputs, outputs, weights and metadata. The weights are not read.
 *
 * @module
 */

import { FormatError, withFileName } from "../format_error.ts";
import { type ByteSource, openSource } from "../tensors/byte_source.ts";
import type { DType } from "../tensors/tensor_data.ts";
import { type Field, FieldReader } from "./field_reader.ts";

/** A graph input or output; a dynamic dimension has a name. */
export interface OnnxValue {
  /** Its name in the graph. */
  readonly name: string;
  /** Its dimensions; none if the file does not say. */
  readonly shape: readonly (number | string)[];
  /** Type of its elements; missing if the file does not say, or it is not a number. */
  readonly dtype?: DType;
}

/** The contents of an ONNX file. */
export interface OnnxContent {
  /** Size of the file. */
  readonly bytes: number;
  /** The program that wrote it. */
  readonly producer: string;
  /** Version of the ONNX operators. */
  readonly opset: number;
  /** Inputs of the graph. */
  readonly inputs: readonly OnnxValue[];
  /** Outputs of the graph. */
  readonly outputs: readonly OnnxValue[];
  /** The weights: name, type of the elements, dimensions. */
  readonly tensors: readonly { name: string; dtype: DType; shape: readonly number[] }[];
  /** The file's own string metadata. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** onnx.proto3's numbers for the types that a checkpoint may have. */
const TYPES: Readonly<Record<number, DType>> = {
  1: "F32",
  2: "U8",
  3: "I8",
  5: "I16",
  6: "I32",
  7: "I64",
  9: "BOOL",
  10: "F16",
  11: "F64",
  16: "BF16",
};

class OnnxReader {
  readonly #fields: FieldReader;

  constructor(source: ByteSource) {
    this.#fields = new FieldReader(source);
  }

  #inside(field: Field): AsyncGenerator<Field> {
    return this.#fields.fields(field.start, field.end);
  }

  /** The first field with a given number inside another. */
  async #first(field: Field, number: number): Promise<Field | undefined> {
    for await (const inner of this.#inside(field)) if (inner.number === number) return inner;
  }

  async #tensor(field: Field): Promise<OnnxContent["tensors"][number]> {
    const shape: number[] = [];
    let [name, type] = ["", 0];
    for await (const inner of this.#inside(field)) {
      if (inner.number === 1 && inner.start < 0) shape.push(inner.value);
      else if (inner.number === 1) shape.push(...await this.#packed(inner));
      else if (inner.number === 2) type = inner.value;
      else if (inner.number === 8) name = await this.#fields.text(inner);
    }
    const dtype = TYPES[type];
    if (dtype === undefined) throw new FormatError(`"${name}" is of type ${type}, unknown here`);
    return { name, dtype, shape };
  }

  /** Dimensions packed in one field, as other writers do. */
  async #packed({ start, end }: Field): Promise<number[]> {
    const bytes = await this.#fields.bytes(start, end);
    const values: number[] = [];
    let [value, scale] = [0, 1];
    for (const byte of bytes) {
      value += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte >= 0x80) continue;
      values.push(value);
      [value, scale] = [0, 1];
    }
    return values;
  }

  /** ValueInfoProto → TypeProto → Tensor → TensorShapeProto. */
  async #value(field: Field): Promise<OnnxValue> {
    const name = await this.#first(field, 1);
    let tensor: Field | undefined = field;
    for (const number of [2, 1]) tensor = tensor && await this.#first(tensor, number);
    const [type, extents] = tensor === undefined
      ? []
      : [await this.#first(tensor, 1), await this.#first(tensor, 2)];
    const shape: (number | string)[] = [];
    for await (const extent of extents ? this.#inside(extents) : []) {
      const [value, open] = [await this.#first(extent, 1), await this.#first(extent, 2)];
      shape.push(value?.value ?? (open ? await this.#fields.text(open) : "?"));
    }
    const dtype = type && TYPES[type.value];
    return { name: name ? await this.#fields.text(name) : "", shape, ...(dtype && { dtype }) };
  }

  async read(bytes: number): Promise<OnnxContent> {
    const [inputs, outputs, tensors]: [OnnxValue[], OnnxValue[], OnnxContent["tensors"][number][]] =
      [[], [], []];
    const metadata: Record<string, string> = {};
    let [producer, opset, hasGraph] = ["", 0, false];
    for await (const field of this.#fields.fields(0, bytes)) {
      if (field.number === 2) producer = await this.#fields.text(field);
      else if (field.number === 8) opset = (await this.#first(field, 2))?.value ?? 0;
      else if (field.number === 14) {
        const [key, value] = [await this.#first(field, 1), await this.#first(field, 2)];
        if (key && value) metadata[await this.#fields.text(key)] = await this.#fields.text(value);
      } else if (field.number === 7) {
        hasGraph = true;
        for await (const part of this.#inside(field)) {
          if (part.number === 5) tensors.push(await this.#tensor(part));
          else if (part.number === 11) inputs.push(await this.#value(part));
          else if (part.number === 12) outputs.push(await this.#value(part));
        }
      }
    }
    if (!hasGraph) throw new FormatError("it holds no graph");
    return { bytes, producer, opset, inputs, outputs, tensors, metadata };
  }
}

/** Whether a file is ONNX, judging by its name. */
export function isOnnx(path: string | URL): boolean {
  return String(path).endsWith(".onnx");
}

/**
 * Reads the contents of an ONNX file.
 *
 * @throws UserError of one line for any other file
 *
 * @example
 * ```ts
 * import { FileSink } from "../tensors/file_sink.ts";
 * import { GraphBuilder } from "./graph_builder.ts";
 * import { readOnnx } from "./read_onnx.ts";
 * const path = await Deno.makeTempFile({ suffix: ".onnx" });
 * const graph = new GraphBuilder();
 * graph.output("y", graph.node("Neg", [graph.input("x", ["batch", 3])]), ["batch", 3]);
 * const sink = new FileSink(path);
 * await graph.write(sink, { name: "negative", metadata: { note: "hello" } });
 * sink.finish();
 * const { inputs, metadata } = await readOnnx(path);
 * if (inputs[0].shape.join() !== "batch,3" || metadata.note !== "hello") throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function readOnnx(from: string | URL): Promise<OnnxContent> {
  const source = await openSource(from);
  try {
    return await new OnnxReader(source).read(source.size);
  } catch (error) {
    throw withFileName(source.name, error);
  } finally {
    source.close();
  }
}
