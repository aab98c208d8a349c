/**
 * Between a model's parameters and the tensors of a file.
 *
 * @module
 */

import type { NamedTensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import { type TensorFile, toFloat32 } from "../../checkpoints/tensors/tensor_data.ts";
import type { LazyValues, NamedValues } from "../../models/parameter_set.ts";

/** Reads every tensor of a file as float32. */
export async function readValues(file: TensorFile): Promise<Map<string, NamedValues>> {
  const values = new Map<string, NamedValues>();
  for (const name of file.names()) {
    const tensor = await file.read(name);
    values.set(name, { shape: [...tensor.shape], values: toFloat32(tensor) });
  }
  return values;
}

/** Parameters as tensors to write; lazy ones are read back as they are written. */
export function toTensors(values: ReadonlyMap<string, NamedValues | LazyValues>): NamedTensors {
  return Array.from(values, ([name, value]) => {
    const info = { dtype: "F32", shape: value.shape } as const;
    const tensor = "values" in value
      ? { ...info, data: value.values }
      : { ...info, read: async () => ({ ...info, data: await value.read() }) };
    return [name, tensor] as const;
  });
}
