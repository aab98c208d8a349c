import assert from "node:assert/strict";
import { adamW, type AdamWOptions, type AdamWState } from "../../../backends/ops/adam_w.ts";
import { Parameter } from "../../../backends/parameter.ts";
import { assertAllClose } from "../../../core/assert_all_close.ts";
import { tf } from "../../../deps/tfjs.ts";
import { normal, onReference } from "../_context.ts";

const options: AdamWOptions = {
  learningRates: [0.1],
  weightDecays: [0.5],
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-8,
  maxGradientNorm: null,
  growthInterval: 2,
};

function createState(shape: number[], lossScale: number): AdamWState {
  return {
    parameters: [new Parameter("weight", normal(shape, 1))],
    firstMoments: [new Parameter("first", normal(shape, 2))],
    secondMoments: [new Parameter("second", tf.abs(normal(shape, 3)))],
    scaler: new Parameter("scaler", tf.tensor1d([lossScale, 1, 5, 2])),
  };
}

/** Its tensors are kept when a step has replaced them. */
function dispose({ parameters, firstMoments, secondMoments, scaler }: AdamWState): void {
  for (const held of [...parameters, ...firstMoments, ...secondMoments, scaler]) held.dispose();
}

function read({ parameters, firstMoments, secondMoments, scaler }: AdamWState): number[][] {
  return [...parameters, ...firstMoments, ...secondMoments, scaler].map(({ value }) => {
    return [...value.dataSync()];
  });
}

for (const accident of [NaN, Infinity, -Infinity]) {
  Deno.test(`${accident} in one gradient: all stays bitwise as it was, the scale is halved`, () => {
    onReference((on) => {
      const state = createState([3, 2], 64);
      const [before, report] = [
        read(state),
        adamW(on, state, [tf.tensor2d(
          [1, 2, 3, 4, accident, 6],
          [3, 2],
        )], options),
      ];
      const after = read(state);
      assert.deepEqual(after.slice(0, 3), before.slice(0, 3));
      assert.deepEqual(after[3], [32, 0, 5, 3]);
      const [norm, scale, skipped] = report.dataSync();
      assert(!Number.isFinite(norm));
      assert.deepEqual([scale, skipped], [64, 1]);
      dispose(state);
    });
  });
}

Deno.test("after enough good steps in a row the scale doubles and the count starts again", () => {
  onReference((on) => {
    const state = createState([2], 64);
    adamW(on, state, [tf.tensor1d([1, 2])], options);
    assert.deepEqual([...state.scaler.value.dataSync()], [128, 0, 6, 2]);
    adamW(on, state, [tf.tensor1d([1, 2])], options);
    assert.deepEqual([...state.scaler.value.dataSync()], [128, 1, 7, 2]);
    dispose(state);
  });
});

Deno.test("the gradients' scale does not matter but for rounding", () => {
  onReference((on) => {
    const results = [1, 2 ** 16].map((lossScale) => {
      const state = createState([4], lossScale);
      const gradient = tf.mul(tf.tensor1d([0.5, -1, 2, 3e-4]), lossScale);
      const report = adamW(on, state, [gradient], { ...options, maxGradientNorm: 1 });
      const result = [...read(state).slice(0, 3).flat(), report.dataSync()[0]];
      dispose(state);
      return result;
    });
    assertAllClose(results[1], results[0], { relative: 1e-6 });
  });
});

Deno.test("decay is decoupled: without a gradient the weight shrinks by 1 − lr·decay", () => {
  onReference((on) => {
    const state = createState([3], 1);
    const before = state.parameters[0].value.dataSync();
    for (const moments of [state.firstMoments[0], state.secondMoments[0]]) {
      moments.assign(tf.zeros([3]));
    }
    adamW(on, state, [tf.zeros([3])], options);
    const after = state.parameters[0].value.dataSync();
    assertAllClose(after, before.map((value) => value * 0.95), { relative: 1e-6 });
    dispose(state);
  });
});

Deno.test("another number of gradients than parameters is refused", () => {
  onReference((on) => {
    assert.throws(
      () => adamW(on, createState([1], 1), [], options),
      /expected 1 gradients, found 0/,
    );
  });
});
