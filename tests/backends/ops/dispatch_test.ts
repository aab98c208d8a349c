import assert from "node:assert/strict";
import type { Backend, Context } from "../../../backends/backend.ts";
import type { Kernels } from "../../../backends/kernels.ts";
import { detached, recordKernel } from "../../../backends/tfjs/record_kernel.ts";
import { layerNorm } from "../../../backends/ops/layer_norm.ts";
import { linear } from "../../../backends/ops/linear.ts";
import { linearCrossEntropy } from "../../../backends/ops/linear_cross_entropy.ts";
import { patchEmbed } from "../../../backends/ops/patch_embed.ts";
import { selectRows } from "../../../backends/ops/select_rows.ts";
import { Tape } from "../../../backends/tfjs/tape.ts";
import { type Tensor, tf } from "../../../deps/tfjs.ts";
import { normal, onReference, reference } from "../_context.ts";

/** The reference with some kernels of its own. */
function withKernels(kernels: Partial<Kernels>): Context {
  const backend = Object.create(reference, { kernels: { value: kernels } }) as Backend;
  return { backend, precision: "float32" };
}

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

Deno.test("linear passes precision, activation and what it needs on to the kernel", () => {
  onReference(() => {
    const calls: unknown[] = [];
    const { backend } = withKernels({
      linear: {
        forward: ({ x, weight, activation, precision }) => {
          calls.push([activation, precision]);
          return { y: tf.matMul(x, weight, false, true), saved: [tf.scalar(7)] };
        },
        backward: ({ dy, x, weight, saved, hasBias, needsInputGradient, ...rest }) => {
          calls.push([rest.activation, rest.precision, hasBias, needsInputGradient]);
          assert.equal(saved[0].dataSync()[0], 7);
          return {
            dx: needsInputGradient ? tf.matMul(dy, weight) : null,
            dweight: tf.matMul(dy, x, true),
            dbias: hasBias ? tf.sum(dy, 0) : null,
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

Deno.test("no gradient reaches images and rows", () => {
  onReference((on) => {
    const images = normal([1, 3, 4, 4], 1);
    const [weight, bias] = [normal([2, 3, 2, 2], 2), normal([2], 3)];
    const tape = Tape.open();
    const x = patchEmbed(on, images, weight, bias);
    const { loss } = linearCrossEntropy(on, {
      x: selectRows(on, x, tf.tensor1d([3, 1], "int32")),
      weight: normal([5, 2], 4),
      bias: normal([5], 5),
      targets: tf.tensor1d([0, 4], "int32"),
    });
    const [dimages, dweight] = tape.gradients(loss, [images, weight]);
    assert(dimages.dataSync().every((value) => value === 0));
    assert(dweight.dataSync().every((value) => value !== 0));
  });
});
