import assert from "node:assert/strict";
import { detached, recordKernel } from "../../../backends/tfjs/record_kernel.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { tf } from "../../../deps/tfjs.ts";
import { onReference } from "../_context.ts";

Deno.test("a kernel with two outputs: the gradient of an unused one is zero", () => {
  onReference(() => {
    const x = tf.tensor1d([2, 3]);
    const tape = Tape.open();
    const [double] = recordKernel({
      inputs: { x },
      forward: () => ({ outputs: [tf.mul(x, 2), tf.sum(x)], saved: [] }),
      backward: ([dDouble, dSum]) => {
        assert.deepEqual([...dSum.dataSync()], [0]);
        return { x: tf.mul(dDouble, 2) };
      },
    });
    const [dx] = tape.gradients(tf.sum(double), [x]);
    assert.deepEqual([...dx.dataSync()], [2, 2]);
  });
});

Deno.test("a kernel's backward sees inputs that the caller has freed by then", () => {
  onReference(() => {
    const x = tf.tensor1d([3]);
    const tape = Tape.open();
    const y = tf.tidy(() => {
      const doubled = tf.mul(x, 2);
      const [square] = recordKernel({
        inputs: { doubled },
        forward: () => ({ outputs: [tf.square(doubled)], saved: [tf.mul(doubled, 2)] }),
        backward: ([dy], { doubled }, [slope]) => {
          assert.deepEqual([...doubled.dataSync()], [6]);
          return { doubled: tf.mul(dy, slope) };
        },
      });
      return square;
    });
    const [dx] = tape.gradients(y, [x]);
    assert.deepEqual([...dx.dataSync()], [24]);
  });
});

Deno.test("nothing is saved while no tape is open, and inner ops are not recorded", () => {
  const before = tf.memory().numTensors;
  onReference(() => {
    const x = tf.tensor1d([1]);
    tf.tidy(() => {
      recordKernel({
        inputs: { x },
        forward: () => ({ outputs: [tf.exp(x)], saved: [tf.exp(x)] }),
        backward: ([dy]) => ({ x: dy }),
      });
    });
    assert.equal(tf.memory().numTensors, before + 1);
    const tape = Tape.open();
    const [constant] = detached(() => [tf.exp(x)]);
    const [dx] = tape.gradients(tf.sum(tf.mul(constant, x)), [x]);
    assert.equal(dx.dataSync()[0], constant.dataSync()[0]);
  });
  assert.equal(tf.memory().numTensors, before);
});
