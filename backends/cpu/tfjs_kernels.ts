/**
 * tfjs kernels that this backend replaces: casts, because tfjs' own keep the old values under the
 * new type, and the plain arithmetic that tfjs' gradients are summed with, because it is slow there.
 *
 * @module
 */

import { type KernelConfig, type Tensor, type TensorInfo, tf } from "../../deps/tfjs.ts";
import { sameShape } from "../../core/shapes.ts";
import type { ArenaBackend } from "./arena_backend.ts";
import { binaryJob, type binaryKernelNames, elementItems } from "./jobs/elementwise.ts";

type KernelArguments = Parameters<KernelConfig["kernelFunc"]>[0];

/** tfjs' own kernel, which works on the same memory. */
function ownKernel(name: string): (values: KernelArguments) => TensorInfo {
  const config = tf.getKernel(name, "cpu");
  return config.kernelFunc as (values: KernelArguments) => TensorInfo;
}

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
  }, { items: elementItems(count), work: count });
  return y;
}

/** One place for the names on both sides. */
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
    const isPlain = a.dtype === "float32" && b.dtype === "float32" && sameShape(a.shape, b.shape);
    if (!isPlain) return fallBack(values);
    return runBinary(values.backend as ArenaBackend, operation, [a, b]);
  };
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

/** Replaces the kernels of the tfjs backend that is registered under `name`. */
export function replaceTfjsKernels(name: string): void {
  const replacements: Record<string, KernelConfig["kernelFunc"]> = { Cast: cast, AddN: addMany };
  for (const kernelName of Object.keys(binaryOperations)) {
    replacements[kernelName] = binaryKernel(kernelName);
  }
  for (const [kernelName, kernelFunc] of Object.entries(replacements)) {
    tf.unregisterKernel(kernelName, name);
    tf.registerKernel({ kernelName, backendName: name, kernelFunc });
  }
}
