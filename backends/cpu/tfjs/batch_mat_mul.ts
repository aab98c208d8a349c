/**
 * tfjs' batched matrix product on our own kernels: the poolings and resizes between fused ops are
 * products with a constant matrix.
 *
 * @module
 */

import { type KernelConfig, type TensorInfo, tf } from "../../../deps/tfjs.ts";
import { multiplyMatrices } from "../products/multiply_matrices.ts";
import type { ArenaBackend } from "./arena_backend.ts";

/** The kernel `BatchMatMul`; other types than float32 go to `fallBack`. */
export function batchMatMul(fallBack: KernelConfig["kernelFunc"]): KernelConfig["kernelFunc"] {
  return (values) => {
    const { a, b } = values.inputs as unknown as { a: TensorInfo; b: TensorInfo };
    if (a.dtype !== "float32" || b.dtype !== "float32") return fallBack(values);
    const { transposeA, transposeB } = values.attrs as unknown as Record<string, boolean>;
    const [outerA, outerB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
    const outer = tf.broadcast_util.assertAndGetBroadcastShape(outerA, outerB);
    const isPlain = [outerA, outerB].every((shape) => {
      const size = tf.util.sizeFromShape(shape);
      return size === 1 || size === tf.util.sizeFromShape(outer);
    });
    if (!isPlain) return fallBack(values);
    return multiplyBatches(values.backend as ArenaBackend, a, b, {
      outer,
      isTransposed: [transposeA, transposeB],
    });
  };
}

function multiplyBatches(
  backend: ArenaBackend,
  a: TensorInfo,
  b: TensorInfo,
  { outer, isTransposed: [transposeA, transposeB] }: {
    outer: number[];
    isTransposed: readonly [boolean, boolean];
  },
): TensorInfo {
  const [rows, depth] = ordered(a.shape.slice(-2), transposeA);
  const [inner, columns] = ordered(b.shape.slice(-2), transposeB);
  if (inner !== depth) {
    throw new Error(`Cannot multiply [${a.shape}] by [${b.shape}]: ${depth} is not ${inner}`);
  }
  const y = backend.emptyInfo([...outer, rows, columns]);
  const runtime = { tensors: backend, pool: backend.pool };
  const stride = (x: TensorInfo, size: number) =>
    tf.util.sizeFromShape(x.shape.slice(0, -2)) === 1 ? 0 : size * 4;
  for (let index = 0; index < tf.util.sizeFromShape(outer); index++) {
    multiplyMatrices(runtime, [{
      rows,
      columns,
      depth,
      a: {
        address: backend.pointerTo(a) + index * stride(a, rows * depth),
        isTransposed: transposeA,
      },
      b: {
        address: backend.pointerTo(b) + index * stride(b, depth * columns),
        isTransposed: transposeB,
      },
      c: { address: backend.pointerTo(y) + index * rows * columns * 4 },
    }]);
  }
  return y;
}

function ordered([first, second]: number[], isTransposed: boolean): [number, number] {
  return isTransposed ? [second, first] : [first, second];
}
