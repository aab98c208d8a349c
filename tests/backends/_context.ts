/** Contexts and numbers for the tests of the ops. @module */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Backend, Context, Precision } from "../../backends/backend.ts";
import type { Kernels } from "../../backends/kernels.ts";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { Generator } from "../../core/generator.ts";
import { sizeOf } from "../../core/shapes.ts";

/** One reference backend for all tests of a file. */
export const reference: Backend = await createReferenceBackend();

/** The reference in some precision. */
export function referenceIn(precision: Precision): Context {
  return { backend: reference, precision };
}

/** The reference with some kernels of its own. */
export function withKernels(kernels: Partial<Kernels>): Context {
  const backend = Object.create(reference, { kernels: { value: kernels } }) as Backend;
  return { backend, precision: "float32" };
}

/** Runs on the reference in float32, frees all, and checks that nothing is left. */
export function onReference<T>(work: (on: Context) => T): T {
  const before = reference.memory().tensors;
  let result: T | undefined;
  reference.run(() =>
    tf.tidy(() => {
      result = work(referenceIn("float32"));
    })
  );
  const left = reference.memory().tensors - before;
  if (left !== 0) throw new Error(`${left} tensors were leaked`);
  return result as T;
}

/** A tensor of draws from N(0, 1). */
export function normal(shape: number[], seed: number): Tensor {
  const generator = Generator.from(seed);
  return tf.tensor(Float32Array.from({ length: sizeOf(shape) }, () => generator.normal()), shape);
}
