import assert from "node:assert/strict";
import { tf } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { Generator } from "../../../core/generator.ts";
import { ParameterSet } from "../../../models/parameter_set.ts";
import { Optimizer, type OptimizerOptions } from "../../../pipeline/optimize/optimizer.ts";
import { onReference } from "../../models/_tiny.ts";

const options: OptimizerOptions = {
  beta1: 0.9,
  beta2: 0.98,
  epsilon: 1e-8,
  maxGradientNorm: 3,
  lossScaling: null,
};
const specs = [{ name: "w", shape: [3, 2] }, { name: "b", shape: [2] }];
const groups = new Map([
  ["w", { learningRateScale: 0.5, weightDecay: 0.1 }],
  ["b", { learningRateScale: 1, weightDecay: 0 }],
]);

function create(on: Context, change: Partial<OptimizerOptions> = {}) {
  const parameters = ParameterSet.create(on, specs, (spec) => {
    return Float32Array.from({ length: spec.shape.reduce((a, b) => a * b, 1) }, (_, i) => i - 2);
  });
  const optimizer = Optimizer.create(on, parameters.trainable, groups, { ...options, ...change });
  return { parameters, optimizer };
}

/** A step with gradients drawn for it; `poison` puts an infinity into the last. */
async function step(on: Context, optimizer: Optimizer, index: number, poison = false) {
  const generator = Generator.from(index);
  const update = on.backend.run(() =>
    tf.tidy(() => {
      const gradients = specs.map(({ shape }) => {
        const length = shape.reduce((a, b) => a * b, 1);
        const values = Float32Array.from({ length }, () => 10 * generator.normal());
        return tf.tensor(values, shape);
      });
      if (poison) gradients[1] = tf.tensor1d([Infinity, 0]);
      return optimizer.update(on, gradients, (scale) => 0.01 * scale);
    })
  );
  const [norm, scale, skipped] = await update.data();
  update.dispose();
  return { norm, scale, skipped };
}

Deno.test("a state that was saved and loaded goes on to the same bits", async () => {
  await onReference(async (on) => {
    const first = create(on);
    for (let index = 0; index < 3; index++) await step(on, first.optimizer, index);
    const [weights, state] = [await first.parameters.export(), await first.optimizer.export()];
    const second = create(on);
    second.parameters.load(on, weights);
    second.optimizer.load(on, state);
    for (let index = 3; index < 6; index++) {
      assert.deepEqual(
        await step(on, first.optimizer, index),
        await step(on, second.optimizer, index),
      );
    }
    assert.deepEqual(await first.parameters.export(), await second.parameters.export());
    assert.deepEqual(await first.optimizer.export(), await second.optimizer.export());
    for (const { parameters, optimizer } of [first, second]) {
      parameters.dispose();
      optimizer.dispose();
    }
  });
});

Deno.test("an overflow skips the step, halves the scale, and good steps double it again", async () => {
  await onReference(async (on) => {
    const lossScaling = { initial: 1024, growthInterval: 2 };
    const { parameters, optimizer } = create(on, { lossScaling });
    const before = await parameters.export();
    assert.deepEqual((await step(on, optimizer, 0, true)).skipped, 1);
    assert.deepEqual(await parameters.export(), before);
    assert.equal((await step(on, optimizer, 1)).scale, 512);
    assert.notDeepEqual(await parameters.export(), before);
    assert.equal((await step(on, optimizer, 2)).scale, 512);
    assert.equal((await step(on, optimizer, 3)).scale, 1024);
    const scale = on.backend.run(() => optimizer.lossScale);
    assert.deepEqual(scale.shape, []);
    assert.equal((await scale.data())[0], 1024);
    scale.dispose();
    parameters.dispose();
    optimizer.dispose();
  });
});

Deno.test("the state of another model is refused by name", async () => {
  await onReference(async (on) => {
    const { parameters, optimizer } = create(on);
    const state = await optimizer.export();
    state.set("firstMoment.w", { shape: [6], values: new Float32Array(6) });
    assert.throws(
      () => optimizer.load(on, state),
      /"firstMoment\.w": expected shape \[3, 2\], found \[6\]/,
    );
    state.delete("firstMoment.w");
    assert.throws(() => optimizer.load(on, state), /"firstMoment\.w": .* it is missing/);
    parameters.dispose();
    optimizer.dispose();
  });
});

Deno.test("a parameter without a group is a bug of ours, and said so", async () => {
  await onReference((on) => {
    const parameters = ParameterSet.create(on, specs, (spec) => {
      return new Float32Array(spec.shape.reduce((a, b) => a * b, 1));
    });
    const some = new Map([...groups].slice(0, 1));
    const attempt = () => Optimizer.create(on, parameters.trainable, some, options);
    assert.throws(attempt, /No parameter group for "b"/);
    parameters.dispose();
  });
});
