import assert from "node:assert/strict";
import { layerNorm } from "../../../backends/ops/layer_norm.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { tf } from "../../../deps/tfjs.ts";
import { normal, onReference, withKernels } from "../_context.ts";

Deno.test("an op hands the kernel rows, and gives its result the shape of the input", () => {
  onReference(() => {
    const seen: number[][] = [];
    const on = withKernels({
      layerNorm: {
        forward: ({ x, epsilon }) => {
          seen.push(x.shape);
          assert.equal(epsilon, 1e-5);
          return { y: tf.clone(x), saved: [] };
        },
        backward: ({ dy, x, weight }) => {
          seen.push(dy.shape, x.shape);
          return { dx: dy, dweight: tf.zerosLike(weight), dbias: tf.onesLike(weight) };
        },
      },
    });
    const [x, weight, bias] = [normal([2, 3, 4], 1), tf.ones([4]), tf.zeros([4])];
    const tape = Tape.open();
    const y = layerNorm(on, x, weight, bias, 1e-5);
    assert.deepEqual(y.shape, [2, 3, 4]);
    const [dx, , dbias] = tape.gradients(y, [x, weight, bias], tf.ones([2, 3, 4]));
    assert.deepEqual(dx.shape, [2, 3, 4]);
    assert.deepEqual([...dbias.dataSync()], [1, 1, 1, 1]);
    assert.deepEqual(seen, [[6, 4], [6, 4], [6, 4]]);
  });
});
