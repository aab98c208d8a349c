/**
 * tfjs kernels that this backend replaces: casts, because tfjs' own keep the old values under the
 * new type, and what runs between the fused kernels (sums of gradients, slices, concatenations,
 * products), because tfjs' own are slow.
 *
 * @module
 */

import { sameShape } from "../../../core/shapes.ts";
import { type KernelConfig, type Tensor, type TensorInfo, tf } from "../../../deps/tfjs.ts";
import { elementItems } from "../threads/stretches.ts";
import type { ArenaBackend } from "./arena_backend.ts";
import { batchMatMul } from "./batch_mat_mul.ts";
import { copyBox } from "./copy_box.ts";
import { binaryJob, type binaryKernelNames } from "./job.ts";

type KernelArguments = Parameters<KernelConfig["kernelFunc"]>[0];

/** tfjs' own kernel, which works on the same memory. */
function ownKernel(name: string): (values: KernelArguments) => TensorInfo {
  const config = tf.getKernel(name, "cpu");
  return config.kernelFunc as (values: KernelArguments) => TensorInfo;
}

/** How many multiplications take as long as loading two numbers and storing one. */
const elementWork = 4;

function runBinary(
  backend: ArenaBackend,
  operation: number,
  [a, b]: readonly TensorInfo[],
): TensorInfo {
  const y = backend.emptyInfo(a.shape);
  const count = tf.util.sizeFromShape(a.shape);
  backend.pool.run(binaryJob, {
    a: backend.pointerTo(a),
    b: backend.pointerTo(b),
    y: backend.pointerTo(y),
    count,
    operation,
  }, { items: elementItems(count), work: count * elementWork });
  return y;
}

/** Our names by those of tfjs. */
const binaryOperations: Record<string, (typeof binaryKernelNames)[number]> = {
  Add: "add",
  Sub: "subtract",
  Multiply: "multiply",
  RealDiv: "divide",
};
const operationNumbers = { add: 0, subtract: 1, multiply: 2, divide: 3 };

function binaryKernel(name: string): KernelConfig["kernelFunc"] {
  const fallBack = ownKernel(name);
  const operation = operationNumbers[binaryOperations[name]];
  return (values) => {
    const { a, b } = values.inputs as unknown as Record<string, TensorInfo>;
    if (a.dtype !== "float32" || b.dtype !== "float32") return fallBack(values);
    const backend = values.backend as ArenaBackend;
    if (sameShape(a.shape, b.shape)) return runBinary(backend, operation, [a, b]);
    // A number, or a row against a matrix: copies of it cost less than tfjs' index arithmetic.
    const isSecond = isRepeated(b.shape, a.shape);
    if (!isSecond && !isRepeated(a.shape, b.shape)) return fallBack(values);
    const whole = isSecond ? repeat(backend, b, a.shape) : repeat(backend, a, b.shape);
    const y = runBinary(backend, operation, isSecond ? [a, whole] : [whole, b]);
    backend.disposeIntermediateTensorInfo(whole);
    return y;
  };
}

/** Whether a tensor of shape `part` is repeated unchanged to fill one of shape `whole`. */
function isRepeated(part: readonly number[], whole: readonly number[]): boolean {
  if (part.length > whole.length) return false;
  const first = part.findIndex((length) => length !== 1);
  if (first < 0) return true;
  return part.slice(first).every((length, index) =>
    length === whole[whole.length - part.length + first + index]
  );
}

function repeat(backend: ArenaBackend, part: TensorInfo, shape: number[]): TensorInfo {
  const whole = backend.emptyInfo(shape);
  const [values, target] = [backend.view(part), backend.view(whole)];
  if (target.length === 0) return whole;
  target.set(values);
  for (let filled = values.length; filled < target.length; filled *= 2) {
    target.copyWithin(filled, 0, Math.min(filled, target.length - filled));
  }
  return whole;
}

const addMany: KernelConfig["kernelFunc"] = (values) => {
  const { inputs, backend } = values;
  const arena = backend as ArenaBackend;
  const [first, ...others] = inputs as unknown as TensorInfo[];
  if (first.dtype !== "float32") return ownKernel("AddN")(values);
  let sum = ownKernel("Identity")({ inputs: { x: first as Tensor }, backend });
  for (const other of others) {
    const next = runBinary(arena, operationNumbers.add, [sum, other]);
    arena.disposeIntermediateTensorInfo(sum);
    sum = next;
  }
  return sum;
};

const cast: KernelConfig["kernelFunc"] = (values) => {
  const backend = values.backend as ArenaBackend;
  const x = values.inputs.x as TensorInfo;
  const { dtype } = values.attrs as unknown as { dtype: string };
  const isConverted = (dtype === "float32" || dtype === "int32") && dtype !== x.dtype &&
    ["float32", "int32", "bool"].includes(x.dtype);
  if (!isConverted) return ownKernel("Cast")(values);
  const result = backend.emptyInfo(x.shape, dtype);
  backend.view(result).set(backend.view(x));
  return result;
};

function isCopied({ dtype }: TensorInfo): boolean {
  return dtype === "float32" || dtype === "int32";
}

/** The box of `x` that starts at `begin`, as a new tensor. */
function sliceOf(
  backend: ArenaBackend,
  x: TensorInfo,
  begin: readonly number[],
  size: readonly number[],
): TensorInfo {
  const y = backend.emptyInfo([...size], x.dtype as "float32" | "int32");
  const origin = size.map(() => 0);
  copyBox(
    backend.pool.kernels,
    { address: backend.pointerTo(x), shape: x.shape, begin },
    { address: backend.pointerTo(y), shape: size, begin: origin },
    size,
  );
  return y;
}

const slice: KernelConfig["kernelFunc"] = (values) => {
  const x = values.inputs.x as TensorInfo;
  if (!isCopied(x)) return ownKernel("Slice")(values);
  const { begin, size } = values.attrs as unknown as { begin: number[]; size: number[] };
  const [start, lengths] = tf.slice_util.parseSliceParams(x as Tensor, begin, size);
  return sliceOf(values.backend as ArenaBackend, x, start, lengths);
};

const splitV: KernelConfig["kernelFunc"] = (values) => {
  const x = values.inputs.x as TensorInfo;
  if (!isCopied(x)) return ownKernel("SplitV")(values);
  const { numOrSizeSplits, axis } = values.attrs as unknown as {
    numOrSizeSplits: number | number[];
    axis: number;
  };
  const [along] = tf.util.parseAxisParam(axis, x.shape);
  const begin = x.shape.map(() => 0);
  return tf.backend_util.prepareSplitSize(x as Tensor, numOrSizeSplits, along).map((length) => {
    const size = x.shape.map((whole, index) => index === along ? length : whole);
    const part = sliceOf(values.backend as ArenaBackend, x, begin, size);
    begin[along] += length;
    return part;
  });
};

const pad: KernelConfig["kernelFunc"] = (values) => {
  const x = values.inputs.x as TensorInfo;
  if (!isCopied(x)) return ownKernel("PadV2")(values);
  const backend = values.backend as ArenaBackend;
  const { paddings, constantValue } = values.attrs as unknown as {
    paddings: [number, number][];
    constantValue: number;
  };
  const shape = x.shape.map((length, axis) => length + paddings[axis][0] + paddings[axis][1]);
  const y = backend.emptyInfo(shape, x.dtype as "float32" | "int32");
  const { kernels } = backend.pool;
  const address = backend.pointerTo(y);
  if (x.dtype === "float32") kernels.fill(address, tf.util.sizeFromShape(shape), constantValue);
  else backend.view(y).fill(constantValue);
  copyBox(
    kernels,
    { address: backend.pointerTo(x), shape: x.shape, begin: x.shape.map(() => 0) },
    { address, shape, begin: paddings.map(([before]) => before) },
    x.shape,
  );
  return y;
};

const concat: KernelConfig["kernelFunc"] = (values) => {
  const parts = values.inputs as unknown as TensorInfo[];
  const { axis } = values.attrs as unknown as { axis: number };
  const { dtype } = parts[0];
  if (!parts.every((part) => isCopied(part) && part.dtype === dtype)) {
    return ownKernel("Concat")(values);
  }
  const backend = values.backend as ArenaBackend;
  const [along] = tf.util.parseAxisParam(axis, parts[0].shape);
  const shape = tf.backend_util.computeOutShape(parts.map((part) => part.shape), along);
  const y = backend.emptyInfo(shape, dtype as "float32" | "int32");
  const begin = shape.map(() => 0);
  for (const part of parts) {
    const origin = shape.map(() => 0);
    copyBox(
      backend.pool.kernels,
      { address: backend.pointerTo(part), shape: part.shape, begin: origin },
      { address: backend.pointerTo(y), shape, begin },
      part.shape,
    );
    begin[along] += part.shape[along];
  }
  return y;
};

/** Replaces the kernels of the tfjs backend that is registered under `name`. */
export function replaceTfjsKernels(name: string): void {
  const replacements: Record<string, KernelConfig["kernelFunc"]> = {
    Cast: cast,
    AddN: addMany,
    Slice: slice,
    SplitV: splitV,
    PadV2: pad,
    Concat: concat,
    BatchMatMul: batchMatMul(ownKernel("BatchMatMul")),
  };
  for (const kernelName of Object.keys(binaryOperations)) {
    replacements[kernelName] = binaryKernel(kernelName);
  }
  for (const [kernelName, kernelFunc] of Object.entries(replacements)) {
    tf.unregisterKernel(kernelName, name);
    tf.registerKernel({ kernelName, backendName: name, kernelFunc });
  }
}
