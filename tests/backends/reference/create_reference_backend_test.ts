import assert from "node:assert/strict";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { tf } from "../../../deps/tfjs.ts";

Deno.test("two backends live side by side, each with its own tensors", async () => {
  const [first, second] = [await createReferenceBackend(), await createReferenceBackend()];
  const a = first.run(() => tf.tensor1d([1, 2, 3]));
  const names = [first.run(() => tf.getBackend()), second.run(() => tf.getBackend())];
  assert.notEqual(names[0], names[1]);
  assert.equal(first.memory().tensors, 1);
  assert.equal(second.memory().tensors, 0);
  const b = second.run(() => tf.add(tf.tensor1d([1]), 1));
  assert.deepEqual([...await b.data()], [2]);
  assert.deepEqual([...await a.data()], [1, 2, 3]);
  await first.dispose();
  assert.deepEqual([...await b.data()], [2]);
  await second.dispose();
});

Deno.test("run restores the backend that was active, after exceptions and nested too", async () => {
  const [outer, inner] = [await createReferenceBackend(), await createReferenceBackend()];
  await tf.setBackend("cpu");
  outer.run(() => {
    const name = tf.getBackend();
    assert.throws(() => inner.run(() => assert.fail("on purpose")), /on purpose/);
    assert.equal(tf.getBackend(), name);
  });
  assert.equal(tf.getBackend(), "cpu");
  await outer.dispose();
  await inner.dispose();
  assert.equal(tf.getBackend(), "cpu");
});

Deno.test("memory counts tensors and their bytes, and returns to zero", async () => {
  const backend = await createReferenceBackend();
  const x = backend.run(() => tf.ones([3, 5]));
  const view = backend.run(() => tf.reshape(x, [15]));
  assert.deepEqual(backend.memory(), { tensors: 1, bytes: 60, reservedBytes: 60, peakBytes: 60 });
  x.dispose();
  assert.equal(backend.memory().bytes, 60, "the view still needs the values");
  view.dispose();
  assert.deepEqual(backend.memory(), { tensors: 0, bytes: 0, reservedBytes: 0, peakBytes: 60 });
  await backend.dispose();
});

Deno.test("a tensor of another backend may be used: tfjs moves its values", async () => {
  const [from, to] = [await createReferenceBackend(), await createReferenceBackend()];
  const x = from.run(() => tf.tensor1d([1, 2]));
  const doubled = to.run(() => tf.mul(x, 2));
  assert.deepEqual([...await doubled.data()], [2, 4]);
  assert.equal(from.memory().bytes, 0);
  await from.dispose();
  await to.dispose();
});
