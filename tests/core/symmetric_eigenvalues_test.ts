import assert from "node:assert/strict";
import { Generator } from "../../core/generator.ts";
import { symmetricEigenvalues } from "../../core/symmetric_eigenvalues.ts";

Deno.test("symmetricEigenvalues() finds the values that a matrix was built from", () => {
  const size = 40;
  const wanted = Array.from({ length: size }, (_, index) => (index < 30 ? 100 / 2 ** index : 0))
    .concat()
    .sort((a, b) => b - a);
  // Q·D·Qᵀ with Q a product of reflections.
  let matrix = Float64Array.from({ length: size * size }, (_, at) => {
    const [row, column] = [Math.floor(at / size), at % size];
    return row === column ? wanted[row] : 0;
  });
  const generator = Generator.from(3);
  for (let turn = 0; turn < 4; turn++) {
    const v = Array.from({ length: size }, () => generator.normal());
    const square = v.reduce((sum, x) => sum + x * x, 0);
    const reflection = (row: number, column: number) =>
      (row === column ? 1 : 0) - 2 * v[row] * v[column] / square;
    matrix = product(
      product(
        Float64Array.from(matrix.keys(), (at) => reflection(Math.floor(at / size), at % size)),
        matrix,
        size,
      ),
      Float64Array.from(
        matrix.keys(),
        (at) => reflection(Math.floor(at / size), at % size),
      ),
      size,
    );
  }
  const found = symmetricEigenvalues(matrix, size);
  for (const [index, value] of wanted.entries()) {
    assert.ok(Math.abs(found[index] - value) < 1e-12, `${index}: ${found[index]}, not ${value}`);
  }
});

Deno.test("symmetricEigenvalues() of matrices that are diagonal, zero, or one number", () => {
  assert.deepEqual([...symmetricEigenvalues(Float64Array.of(1, 0, 0, 5), 2)], [5, 1]);
  assert.deepEqual([...symmetricEigenvalues(new Float64Array(9), 3)], [0, 0, 0]);
  assert.deepEqual([...symmetricEigenvalues(Float64Array.of(-2), 1)], [-2]);
  assert.deepEqual([...symmetricEigenvalues(new Float64Array(0), 0)], []);
});

function product(a: Float64Array, b: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const result = new Float64Array(size * size);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 0;
      for (let k = 0; k < size; k++) sum += a[row * size + k] * b[k * size + column];
      result[row * size + column] = sum;
    }
  }
  return result;
}
