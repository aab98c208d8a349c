/** Tensors of draws, and the comparison of results that lie on a GPU. @module */
import assert from "node:assert/strict";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { Generator } from "../../../core/generator.ts";

/** Seeded tensors for the tests of one file. */
export class Samples {
  #draws: Generator;
  constructor(seed: number) {
    this.#draws = Generator.from(seed);
  }

  normal(shape: number[], scale = 1, mean = 0): Tensor {
    const values = new Float32Array(tf.util.sizeFromShape(shape));
    for (let i = 0; i < values.length; i++) values[i] = this.#draws.normal(mean, scale);
    return tf.tensor(values, shape);
  }

  ids(count: number, below: number): Tensor {
    return tf.tensor1d(
      Int32Array.from({ length: count }, () => this.#draws.integer(0, below - 1)),
      "int32",
    );
  }
}

/** Largest difference relative to the largest magnitude of `expected`. */
export async function relativeError(actual: Tensor, expected: Tensor): Promise<number> {
  assert.deepEqual(actual.shape, expected.shape);
  const [a, b] = [await actual.data(), await expected.data()];
  let [difference, scale] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    const d = Math.abs(a[i] - b[i]);
    if (Number.isNaN(d)) return NaN;
    difference = Math.max(difference, d);
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return difference / (scale || 1);
}

export async function assertClose(
  actual: Record<string, Tensor | null>,
  expected: Record<string, Tensor | null>,
  tolerance = 2e-6,
): Promise<void> {
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const name of Object.keys(expected)) {
    const [a, e] = [actual[name], expected[name]];
    if (a === null || e === null) {
      assert.equal(a, e, name);
      continue;
    }
    const error = await relativeError(a, e);
    assert.ok(error <= tolerance, `${name}: relative error ${error} above ${tolerance}`);
  }
}
