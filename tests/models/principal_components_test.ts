import assert from "node:assert/strict";
import { Generator } from "../../core/generator.ts";
import { principalComponents } from "../../models/principal_components.ts";

Deno.test("known directions are found, in order, with their mean and length", () => {
  const generator = Generator.from(3);
  const [rows, dim] = [2000, 6];
  const samples = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    const [a, b] = [generator.normal(0, 3), generator.normal(0, 1)];
    // Directions (0.6, 0.8, 0, …) and (0, 0, 0, 0, 1, 0).
    samples.set([5 + 0.6 * a, 0.8 * a, 0, 0, b, -2], row * dim);
  }
  const { components, mean, length } = principalComponents(samples, dim, 3);
  const close = (found: number, expected: number, tolerance: number) =>
    assert.ok(Math.abs(found - expected) < tolerance, `${found} is not ${expected}`);
  close(mean[0], 5, 0.2);
  close(mean[5], -2, 1e-6);
  close(components[0], 0.6, 0.02);
  close(components[1], 0.8, 0.02);
  close(components[dim + 4], 1, 1e-2);
  close(length, Math.sqrt(10), 0.15);
  // There is no third direction: zero, not noise.
  assert.deepEqual([...components.subarray(2 * dim)], Array(dim).fill(0));
});

Deno.test("components are unit rows at right angles to each other", () => {
  const generator = Generator.from(4);
  const dim = 30;
  const samples = Float32Array.from({ length: 200 * dim }, () => generator.normal());
  const { components, count } = principalComponents(samples, dim, 8);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      let product = 0;
      for (let k = 0; k < dim; k++) product += components[i * dim + k] * components[j * dim + k];
      assert.ok(Math.abs(product - (i === j ? 1 : 0)) < 1e-5);
    }
  }
});
