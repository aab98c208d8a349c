import assert from "node:assert/strict";
import { Generator } from "../../../../core/generator.ts";
import { tf } from "../../../../deps/tfjs.ts";
import { vitBase } from "../../../../models/beit_config.ts";
import { initialisePlain } from "../../../../models/initialise.ts";
import { vqkdBase } from "../../../../models/vqkd_config.ts";
import { VqkdTokenizer } from "../../../../models/vqkd_tokenizer.ts";
import { webgpuTest } from "../_backend.ts";
import { relativeError } from "../_compare.ts";
import { smallConfig, Trainee, withoutKernels } from "../_trainee.ts";

webgpuTest("gradients of a whole model are those of the compositions", async (backend) => {
  const [ours, stock] = [new Trainee(backend), new Trainee(withoutKernels(backend))];
  const [found, expected] = [ours.gradients(1), stock.gradients(1)];
  assert.ok(await relativeError(found.loss, expected.loss) < 1e-6);
  for (const [index, { name }] of ours.parameters.entries()) {
    const error = await relativeError(found.gradients[index], expected.gradients[index]);
    assert.ok(error < 2e-5, `${name}: relative error ${error}`);
  }
});

webgpuTest("float16 storage keeps the loss within two per cent over 20 steps", async (backend) => {
  const [full, half] = [new Trainee(backend), new Trainee(backend, "float16")];
  let largest = 0;
  for (let step = 0; step < 20; step++) {
    const [[expected], [found]] = [await full.step(step % 4), await half.step(step % 4)];
    largest = Math.max(largest, Math.abs(found / expected - 1));
  }
  assert.ok(largest < 0.02, `${largest}`);
  assert.ok(largest > 1e-7, "float16 was not used");
});

webgpuTest(
  "an overflow skips the step, halves the scale, and training goes on",
  async (backend) => {
    const trainee = new Trainee(backend, "float16");
    await trainee.step(0);
    const weight = trainee.parameters[3];
    const before = (await weight.value.data()).slice();
    trainee.scaler.assign(backend.run(() => tf.keep(tf.tensor1d([2 ** 40, 0, 1, 0]))));
    const [, , scale, skipped] = await trainee.step(1);
    assert.deepEqual([scale, skipped], [2 ** 40, 1]);
    assert.deepEqual(await weight.value.data(), before);
    assert.deepEqual([...await trainee.scaler.value.data()], [2 ** 39, 0, 1, 1]);
    let last = [0, 0, 0, 1];
    for (let step = 2; last[3] === 1 && step < 40; step++) last = await trainee.step(step);
    assert.equal(last[3], 0, "still skipping");
    assert.notDeepEqual(await weight.value.data(), before);
  },
);

for (const precision of ["float32", "float16"] as const) {
  webgpuTest(
    `${precision}: no tensor and no byte more after step 50 than after step 5`,
    async (backend) => {
      const trainee = new Trainee(backend, precision);
      for (let step = 0; step < 5; step++) await trainee.step(step);
      const early = backend.memory();
      for (let step = 5; step < 50; step++) await trainee.step(step);
      // Free buffers that nobody has asked for are destroyed: what is reserved may shrink.
      const { reservedBytes, ...late } = backend.memory();
      assert.ok(reservedBytes <= early.reservedBytes);
      assert.deepEqual({ ...late, reservedBytes: early.reservedBytes }, early);
      trainee.dispose();
      assert.equal(backend.memory().tensors, 0);
    },
  );
}

webgpuTest("parameters that were loaded anew are updated where they are", async (backend) => {
  const [straight, reloaded] = [new Trainee(backend), new Trainee(backend)];
  const losses = [await straight.step(0), await straight.step(1)];
  assert.deepEqual(await reloaded.step(0), losses[0]);
  for (const parameter of reloaded.parameters) {
    const values = (await parameter.value.data()).slice() as Float32Array;
    parameter.assign(backend.run(() => tf.keep(tf.tensor(values, parameter.shape))));
  }
  assert.deepEqual(await reloaded.step(1), losses[1]);
  assert.deepEqual(await reloaded.step(2), await straight.step(2));
});

webgpuTest(
  "a step of ViT-B's depth with its tokenizer takes fewer than 420 dispatches",
  async (backend) => {
    const trainee = new Trainee(backend, "float32", {
      config: {
        ...smallConfig,
        depth: vitBase.depth,
        earlyLayers: vitBase.earlyLayers,
        headLayers: vitBase.headLayers,
      },
    });
    const config = { ...vqkdBase, imageSize: 32, patchSize: 8, embedDim: 24, heads: 2, codes: 64 };
    const tokenizer = VqkdTokenizer.create(
      trainee.on,
      config,
      initialisePlain(Generator.from(5)),
    );
    await trainee.step(0);
    const before = backend.dispatches;
    const ids = backend.run(() =>
      tf.tidy(() => tokenizer.encode(trainee.on, tf.zeros([2, 3, 32, 32])))
    );
    await trainee.step(1);
    const count = backend.dispatches - before;
    assert.equal(ids.size, 32);
    assert.ok(count < 420, `${count} dispatches`);
  },
);

webgpuTest("gradients that are kept stay as they are through the next step", async (backend) => {
  const trainee = new Trainee(backend);
  await trainee.step(0);
  const { gradients } = trainee.gradients(1);
  const before = await Promise.all(gradients.map(async (gradient) => {
    const copy = backend.run(() => tf.mul(gradient, 1));
    return [...await copy.data()];
  }));
  await trainee.step(2);
  for (const [index, gradient] of gradients.entries()) {
    assert.deepEqual([...await gradient.data()], before[index]);
  }
});
