import assert from "node:assert/strict";
import { addAll } from "../../backends/add_all.ts";
import { createBackend } from "../../backends/mod.ts";
import { tf } from "../../deps/tfjs.ts";

Deno.test("addAll() adds any number of tensors in order, without leaving any behind", async () => {
  const { backend } = await createBackend("cpu", { threads: 1 });
  for (const count of [1, 7, 8, 13, 14, 30]) {
    const values = Array.from({ length: count }, (_, index) => Math.fround(0.1 * 3 ** (index % 9)));
    const before = backend.memory().tensors;
    const sum = backend.run(() => {
      const parts = values.map((value) => tf.scalar(value));
      const whole = addAll(parts);
      parts.forEach((part) => part.dispose());
      return whole;
    });
    const wanted = values.reduce((total, value) => Math.fround(total + value));
    assert.equal((await sum.data())[0], wanted, `${count} tensors`);
    sum.dispose();
    assert.equal(backend.memory().tensors, before);
  }
  await backend.dispose();
});
