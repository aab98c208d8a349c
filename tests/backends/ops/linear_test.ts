import assert from "node:assert/strict";
import { linear } from "../../../backends/ops/linear.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { normal, onReference, withKernels } from "../_context.ts";

Deno.test("linear passes precision, activation and what it needs on to the kernel", () => {
  onReference(() => {
    const calls: unknown[] = [];
    const { backend } = withKernels({
      linear: {
        forward: ({ x, weight, activation, precision }) => {
          calls.push([activation, precision]);
          return { y: tf.matMul(x, weight, false, true), saved: [tf.scalar(7)] };
        },
        backward: ({ dy, x, weight, saved, bias, needsInputGradient, ...rest }) => {
          calls.push([rest.activation, rest.precision, bias !== null, needsInputGradient]);
          assert.equal(saved[0].dataSync()[0], 7);
          return {
            dx: needsInputGradient ? tf.matMul(dy, weight) : null,
            dweight: tf.matMul(dy, x, true),
            dbias: bias && tf.sum(dy, 0),
          };
        },
      },
    });
    const on = { backend, precision: "float16" } as const;
    const [x, weight, bias] = [normal([3, 2], 1), normal([4, 2], 2), normal([4], 3)];
    const gradients = (xs: Tensor[], f: () => Tensor) => {
      const tape = Tape.open();
      return tape.gradients(tf.sum(f()), xs);
    };
    gradients([x, weight, bias], () => linear(on, x, weight, bias, { activation: "gelu" }));
    const [dweight, dx] = gradients([weight, x], () => {
      return linear(on, x, weight, null, { needsInputGradient: false });
    });
    assert.deepEqual(calls, [
      ["gelu", "float16"],
      ["gelu", "float16", true, true],
      ["none", "float16"],
      ["none", "float16", false, false],
    ]);
    assert.deepEqual(dweight.shape, [4, 2]);
    assert.deepEqual([...dx.dataSync()], [0, 0, 0, 0, 0, 0]);
  });
});
