import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import { fitWhitening } from "../../../models/teachers/whitening.ts";

Deno.test("whitened features have mean 0, variance 1 and no correlation", () => {
  const [rows, dim, count] = [3000, 6, 3];
  const generator = Generator.from(1);
  const values = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    const [a, b, c] = [generator.next(), generator.next(), generator.next()];
    values.set([9 + a, 9 - a + b, 3 * b, c, a + b + c, 5], row * dim);
  }
  const { weight, bias } = fitWhitening(values, dim, count);
  assert.deepEqual([weight.shape, bias.shape], [[3, 6], [3]]);
  const white = Array.from(
    { length: rows },
    (_, row) =>
      Array.from(
        { length: count },
        (_, axis) =>
          Array.from(
            { length: dim },
            (_, i) => weight.values[axis * dim + i] * values[row * dim + i],
          )
            .reduce((sum, x) => sum + x, bias.values[axis]),
      ),
  );
  for (let a = 0; a < count; a++) {
    const mean = white.reduce((sum, row) => sum + row[a], 0) / rows;
    assert.ok(Math.abs(mean) < 1e-3, `${mean}`);
    for (let b = 0; b < count; b++) {
      const product = white.reduce((sum, row) => sum + row[a] * row[b], 0) / rows;
      assert.ok(Math.abs(product - (a === b ? 1 : 0)) < 1e-2, `${a} ${b} ${product}`);
    }
  }
});

Deno.test("more dimensions than there are cannot be whitened", () => {
  assert.throws(() => fitWhitening(new Float32Array(8), 2, 3), {
    name: "UserError",
    message: "Cannot whiten features of 2 values to 3 dimensions; give --set " +
      "teacher.onnx.whiten=2 or less",
  });
});
