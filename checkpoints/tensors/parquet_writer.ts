/**
 * Writes named columns as a Parquet file, for data frames (pandas, Polars, DuckDB, …).
 *
 * @module
 */

import { sizeOf } from "../../core/shapes.ts";
import { FileSink } from "./file_sink.ts";
import type { TensorData } from "./tensor_data.ts";

/** One column: strings, or a tensor whose first axis is the rows. */
export type ParquetColumn = readonly string[] | TensorData;

/** The parts of Parquet's schema that our columns use. */
interface SchemaElement {
  readonly name: string;
  readonly type?: "FLOAT" | "INT32" | "BYTE_ARRAY";
  readonly converted_type?: "UTF8" | "LIST";
  readonly repetition_type?: "REQUIRED" | "REPEATED";
  readonly num_children?: number;
}

function isText(column: ParquetColumn): column is readonly string[] {
  return Array.isArray(column);
}

/** A required list of `inner`, in the three levels that Parquet prescribes. */
function listOf(name: string, inner: readonly SchemaElement[]): SchemaElement[] {
  const repetition_type = "REQUIRED";
  return [
    { name, converted_type: "LIST", num_children: 1, repetition_type },
    { name: "list", num_children: 1, repetition_type: "REPEATED" },
    ...inner,
  ];
}

function schemaOf(name: string, column: ParquetColumn): SchemaElement[] {
  const repetition_type = "REQUIRED";
  if (isText(column)) {
    return [{ name, type: "BYTE_ARRAY", converted_type: "UTF8", repetition_type }];
  }
  const type = column.dtype === "I32" ? "INT32" : "FLOAT";
  const nest = (name: string, axes: number): SchemaElement[] =>
    axes === 0 ? [{ name, type, repetition_type }] : listOf(name, nest("element", axes - 1));
  return nest(name, column.shape.length - 1);
}

/** Values with several axes as lists of lists. */
function nested(values: ArrayLike<number>, shape: readonly number[], at: number): unknown {
  if (shape.length === 0) return values[at];
  const [length, ...inner] = shape;
  const size = sizeOf(inner);
  return Array.from({ length }, (_, index) => nested(values, inner, at + index * size));
}

/**
 * Writes a Parquet file with a row for each index of the first axis; a tensor's further axes are lists. A row
 * group holds about a million values.
 *
 * @param columns of equal length; tensors are F32 or I32
 * @throws UserError if the file cannot be written
 *
 * @example
 * ```ts
 * import { writeParquet } from "./parquet_writer.ts";
 * const path = await Deno.makeTempFile({ suffix: ".parquet" });
 * await writeParquet(path, [
 *   ["id", ["a.png", "b.png"]],
 *   ["feature", { dtype: "F32", shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
 * ]);
 * const bytes = await Deno.readFile(path);
 * if (new TextDecoder().decode(bytes.subarray(0, 4)) !== "PAR1") throw new Error();
 * await Deno.remove(path);
 * ```
 */
export async function writeParquet(
  path: string,
  columns: readonly (readonly [name: string, ParquetColumn])[],
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { ByteWriter, parquetWrite } = await import("../../deps/hyparquet_writer.ts");
  const perRow = columns.reduce(
    (sum, [, column]) => sum + (isText(column) ? 1 : sizeOf(column.shape.slice(1))),
    0,
  );
  const writer = new ByteWriter();
  parquetWrite({
    writer,
    columnData: columns.map(([name, column]) => ({
      name,
      data: isText(column)
        ? [...column]
        : nested(column.data as ArrayLike<number>, column.shape, 0) as number[],
    })),
    schema: [
      { name: "root", num_children: columns.length },
      ...columns.flatMap(([name, column]) => schemaOf(name, column)),
    ],
    rowGroupSize: Math.max(1, Math.ceil(1e6 / perRow)),
    kvMetadata: Object.entries(metadata).map(([key, value]) => ({ key, value })),
    createdBy: "mimic",
  });
  const sink = new FileSink(path);
  try {
    sink.write(writer.getBytes());
  } catch (error) {
    sink.abandon();
    throw error;
  }
  sink.finish();
}
