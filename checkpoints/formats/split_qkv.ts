/**
 * Between a single matrix, and bias, for query, key and value (all q rows, then k, then v) and three of them.
 *
 * @module
 */

import type { LazyTensor, TensorData, TensorMap } from "../tensors/tensor_data.ts";

const JOINED = /^(blocks\.\d+\.attn\.)qkv\.(weight|bias)$/;
const PART = /^(blocks\.\d+\.attn\.)([qkv])\.(weight|bias)$/;
const PARTS = ["q", "k", "v"] as const;

function third(tensor: LazyTensor, index: number): LazyTensor {
  const shape = [tensor.shape[0] / 3, ...tensor.shape.slice(1)];
  return {
    dtype: tensor.dtype,
    shape,
    async read(): Promise<TensorData> {
      const { data } = await tensor.read();
      const length = data.length / 3;
      return { dtype: tensor.dtype, shape, data: data.slice(index * length, (index + 1) * length) };
    },
  };
}

/** Splits every `attn.qkv.weight`, and bias, into `attn.q.weight`, `attn.k.weight`, `attn.v.weight`. */
export function splitQkv(tensors: TensorMap): TensorMap {
  const split: TensorMap = new Map();
  for (const [name, tensor] of tensors) {
    const [, prefix, end] = JOINED.exec(name) ?? [];
    if (prefix === undefined || tensor.shape[0] % 3 !== 0) split.set(name, tensor);
    else PARTS.forEach((part, i) => split.set(`${prefix}${part}.${end}`, third(tensor, i)));
  }
  return split;
}

function concatenate(parts: LazyTensor[]): LazyTensor {
  const { dtype, shape: [rows, ...rest] } = parts[0];
  const shape = [3 * rows, ...rest];
  return {
    dtype,
    shape,
    async read(): Promise<TensorData> {
      const first = (await parts[0].read()).data;
      const ArrayType = first.constructor as new (length: number) => typeof first;
      const data = new ArrayType(3 * first.length);
      for (const [index, part] of parts.entries()) {
        data.set((await part.read()).data as never, index * first.length);
      }
      return { dtype, shape, data };
    },
  };
}

/** Joins the three parts again if all of them are present with the same dtype and shape. */
export function joinQkv(tensors: TensorMap): TensorMap {
  const joined: TensorMap = new Map();
  for (const [name, tensor] of tensors) {
    const [, prefix, , end] = PART.exec(name) ?? [];
    const parts = prefix === undefined
      ? []
      : PARTS.map((part) => tensors.get(`${prefix}${part}.${end}`));
    const isWhole = parts.length === 3 &&
      parts.every((part) =>
        part?.dtype === tensor.dtype && part.shape.join() === tensor.shape.join()
      );
    if (isWhole) joined.set(`${prefix}qkv.${end}`, concatenate(parts as LazyTensor[]));
    else joined.set(name, tensor);
  }
  return joined;
}
