/** Runs an op with its gradients on two backends and compares what comes out. */

import assert from "node:assert/strict";
import type { Backend, Context } from "../../../backends/backend.ts";
import { Generator } from "../../../core/generator.ts";
import { type Tensor, tf } from "../../../deps/tfjs.ts";

/** A tensor's values on the host. */
export interface HostTensor {
  shape: number[];
  values: Float32Array;
}

/** Normal values from a seed. */
export function normal(seed: number, shape: number[]): HostTensor {
  const draws = Generator.from(seed);
  const size = shape.reduce((product, length) => product * length, 1);
  const values = new Float32Array(size);
  for (let index = 0; index < size; index++) values[index] = draws.normal();
  return { shape, values };
}

/** What an op computes from its inputs: any number of outputs. */
export type Operation = (on: Context, inputs: Tensor[]) => Tensor[];

function toTensor({ shape, values }: HostTensor): Tensor {
  return tf.tensor(values, shape, "float32");
}

/** The outputs and, for the first output weighted by fixed numbers, the gradients of all inputs. */
export function evaluate(
  backend: Backend,
  operation: Operation,
  hostInputs: readonly HostTensor[],
  options: { gradients?: boolean } = {},
): Float32Array[] {
  const on: Context = { backend, precision: "float32" };
  const onHost = (tensor: Tensor) => Float32Array.from(tensor.dataSync());
  return backend.run(() =>
    tf.engine().tidy(() => {
      const inputs = hostInputs.map(toTensor);
      const outputs = operation(on, inputs).map(onHost);
      if (options.gradients === false) return outputs as never;
      const loss = (...values: Tensor[]) => {
        const [output] = operation(on, values);
        const weights = toTensor(normal(99, output.shape));
        return tf.sum(tf.mul(output, weights)) as never;
      };
      return [...outputs, ...tf.grads(loss)(inputs).map(onHost)] as never;
    })
  ) as unknown as Float32Array[];
}

/** Asserts |a − b| ≤ tolerance·max(1, largest |b|), and NaN where there is NaN. */
export function assertClose(
  actual: Float32Array,
  expected: Float32Array,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, `${what}: length`);
  let scale = 1;
  for (const value of expected) {
    if (Number.isFinite(value)) scale = Math.max(scale, Math.abs(value));
  }
  for (let index = 0; index < expected.length; index++) {
    const [a, b] = [actual[index], expected[index]];
    const isSame = Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * scale;
    assert.ok(isSame, `${what}[${index}]: expected ${b}, found ${a}`);
  }
}
