import assert from "node:assert/strict";
import { roundGradient, roundTo, roundValue } from "../../../backends/ops/round_to.ts";
import { createBackend } from "../../../backends/mod.ts";
import { Generator } from "../../../core/generator.ts";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { onReference, reference, referenceIn } from "../_context.ts";

/** Values of every size that float32 has, both signs, and special ones. */
function manyValues(): Float32Array {
  const generator = Generator.from(11);
  const random = Array.from({ length: 20000 }, () => {
    return generator.normal() * 2 ** generator.integer(-40, 40);
  });
  const special = [0, -0, NaN, Infinity, -Infinity, 65504, 65519.996, 65520, -65520, 3e38];
  return Float32Array.from([...random, ...special, 2 ** -24, 2 ** -25, 3 * 2 ** -25, 1e-30]);
}

Deno.test("the reference rounds to float16 as Float16Array does", () => {
  const values = manyValues();
  onReference(() => {
    const rounded = roundTo(referenceIn("float16"), tf.tensor1d(values)).dataSync();
    assert.deepEqual([...rounded], [...new Float16Array(values)]);
  });
});

Deno.test("the reference rounds to bfloat16: eight bits, to nearest, halfway to even", () => {
  const cases = [
    [1 + 2 ** -8, 1], // halfway, 1 is even
    [1 + 3 * 2 ** -8, 1 + 2 ** -6], // halfway, the upper is even
    [1 + 2 ** -8 + 2 ** -20, 1 + 2 ** -7],
    [-(1 + 2 ** -8 + 2 ** -20), -(1 + 2 ** -7)],
    [1e38, 9.969209968386869e37],
    [3.4e38, Infinity],
    [NaN, NaN],
    [-Infinity, -Infinity],
  ];
  onReference(() => {
    const x = tf.tensor1d(cases.map(([value]) => value));
    const rounded = roundTo(referenceIn("bfloat16"), x).dataSync();
    cases.forEach(([value, expected], index) => {
      assert.equal(rounded[index], expected, `of ${value}`);
    });
  });
});

Deno.test("rounding out of tfjs ops agrees with the exact one but for halfway cases", async () => {
  const { backend } = await createBackend("tfjs:cpu");
  for (const precision of ["float16", "bfloat16"] as const) {
    const values = manyValues().filter((value) =>
      Math.abs(value) < 1e30 || precision === "float16"
    );
    const exact = reference.run(() =>
      tf.tidy(() => roundTo(referenceIn(precision), tf.tensor1d(values)).dataSync())
    );
    const arithmetic = backend.run(() =>
      tf.tidy(() => roundTo({ backend, precision }, tf.tensor1d(values)).dataSync())
    );
    let ties = 0;
    values.forEach((value, index) => {
      const [a, e] = [arithmetic[index], exact[index]];
      if (a === e || (Number.isNaN(a) && Number.isNaN(e))) return;
      assert.equal(Math.abs(a - value), Math.abs(e - value), `${value} became ${a}, expected ${e}`);
      ties++;
    });
    assert(ties <= 20, `${ties} halfway cases`);
  }
});

Deno.test("each kind rounds what it says: value, gradient, both, or nothing in float32", () => {
  onReference((inFloat32) => {
    const on = referenceIn("float16");
    const third = Math.fround(1 / 3);
    const rounded = new Float16Array([third])[0];
    const check = (
      round: (x: Tensor) => Tensor,
      [expectedValue, expectedGradient]: [number, number],
    ) => {
      const f = (x: Tensor) => tf.sum(tf.mul(round(x), third));
      const x = tf.tensor1d([third]);
      assert.equal(round(x).dataSync()[0], expectedValue);
      assert.equal(tf.grad(f)(x).dataSync()[0], expectedGradient);
    };
    check((x) => roundTo(on, x), [rounded, rounded]);
    check((x) => roundValue(on, x), [rounded, third]);
    check((x) => roundGradient(on, x), [third, rounded]);
    check((x) => roundTo(inFloat32, x), [third, third]);
  });
});
