import assert from "node:assert/strict";
import "../../../deps/tfjs_cpu.ts";
import { tf } from "../../../deps/tfjs.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";

Deno.test("a tape gives the gradients of what ran since it was opened, and frees all", async () => {
  await tf.setBackend("cpu");
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const x = tf.tensor1d([1, 2, 3]);
    const unused = tf.tensor1d([5]);
    const tape = Tape.open();
    const y = tf.sum(tf.square(x));
    const [dx, dunused] = tape.gradients(y, [x, unused], tf.scalar(2));
    assert.deepEqual([...dx.dataSync()], [4, 8, 12]);
    assert.deepEqual([...dunused.dataSync()], [0]);
    const second = Tape.open();
    const [again] = second.gradients(tf.sum(tf.mul(x, x)), [x]);
    assert.deepEqual([...again.dataSync()], [2, 4, 6]);
  });
  assert.equal(tf.memory().numTensors, before);
});

Deno.test("a tape closed without gradients keeps nothing; two at once are refused", () => {
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const tape = Tape.open();
    assert.throws(() => Tape.open(), /another one is open/);
    tf.square(tf.tensor1d([1, 2]));
    tape.close();
    Tape.open().close();
  });
  assert.equal(tf.memory().numTensors, before);
});
