import assert from "node:assert/strict";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Backend } from "../../backends/backend.ts";
import { createBackend } from "../../backends/mod.ts";
import { latestCheckpoint, loadCheckpoint, saveCheckpoint } from "../../checkpoints/store/store.ts";
import { UserError } from "../../core/errors.ts";
import { DivergenceError } from "../../pipeline/engine/training/divergence.ts";
import type { encode } from "../../pipeline/encode.ts";
import { readValues, toTensors } from "../../pipeline/weights/model_tensors.ts";
import { pretrain, type PretrainOptions, type PretrainStages } from "../../methods/beit/method.ts";
import { replayFailure } from "../../methods/replay.ts";
import { runTask } from "../cli/_tasks.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";

/** Runs five steps, changes a parameter in their checkpoint, and goes on until the run diverges. */
async function divergeAfter(
  folder: string,
  backend: Backend,
  change: (values: Float32Array) => void,
  parameter: string,
  overrides: readonly string[] = [],
): Promise<DivergenceError> {
  const config = await tinyConfig(await writeTinyTokenizer(folder), [
    "precision=float32",
    ...overrides,
  ]);
  const directory = `${folder}/run`;
  const start = { ...config, schedule: { ...config.schedule, maxSteps: 5 } };
  await pretrain(start, { backend, directory });
  const loaded = loadCheckpoint(latestCheckpoint(directory).checkpoint!.directory);
  const tensors: Record<string, ReturnType<typeof toTensors>> = {};
  for (const group of loaded.groups) {
    const file = await loaded.open(group);
    const values = await readValues(file);
    file.close();
    if (group === "model") change(values.get(parameter)!.values);
    tensors[group] = toTensors(values);
  }
  await saveCheckpoint(directory, loaded.step, { tensors, state: loaded.state });
  return await diverge(config, { backend, directory });
}

async function diverge(
  config: Parameters<typeof pretrain>[0],
  options: PretrainOptions,
): Promise<DivergenceError> {
  let thrown: unknown;
  await pretrain(config, options).catch((error) => thrown = error);
  assert.ok(thrown instanceof DivergenceError, `${thrown}`);
  return thrown;
}

async function replaysOn(names: readonly ("cpu" | "reference")[], error: DivergenceError) {
  for (const backendName of names) {
    const { isSame, found, recorded } = await replayFailure(error.bundle!, { backendName });
    assert.ok(isSame, `${backendName}: ${JSON.stringify(found)}, was ${JSON.stringify(recorded)}`);
  }
}

Deno.test("a NaN in a block's parameter is named, and replays on reference", async () => {
  await withFolder(async (folder, backend) => {
    const name = "blocks.1.mlp.fc1.weight";
    const error = await divergeAfter(folder, backend, (values) => values[3] = NaN, name);
    assert.match(error.message, /^Step 6 is not finite \(loss NaN\)/);
    assert.match(
      error.message,
      /stage "encode": parameter blocks\.1\.mlp\.fc1\.weight, read by linear, \[32, 16\] has 1 NaN of 512 values, the others in \[-/,
    );
    assert.match(error.message, /deno task replay .*failures\/step-6 --backend reference/);
    assert.match(error.message, /lower optimizer\.lr/);
    await replaysOn(["reference", "cpu"], error);
    const command = await runTask("replay", [error.bundle!, "--backend", "reference"]);
    assert.equal(command.code, 0, command.stderr);
    assert.match(
      command.stdout,
      /in the run, on cpu: .*fc1\.weight.*\nhere, on reference in float32/,
    );
    assert.match(command.stdout, /is the same\.\n$/);
    const state = JSON.parse(Deno.readTextFileSync(`${error.bundle}/state.json`)).state;
    assert.deepEqual([state.step, state.microBatch, state.generator.length], [5, 0, 4]);
    assert.equal(state.config.task, "pretrain");
    // What was saved before is whole, and the run goes on from there.
    const { checkpoint, broken } = latestCheckpoint(`${folder}/run`);
    assert.deepEqual([checkpoint?.step, broken.length], [5, 0]);
  });
});

Deno.test("an overflow is named by the layer whose output it is first seen in", async () => {
  await withFolder(async (folder, backend) => {
    const error = await divergeAfter(
      folder,
      backend,
      // Alike they would cancel: the norm before them has a mean of zero.
      (values) => values.forEach((_, index) => values[index] = index % 2 === 0 ? 3e38 : 0),
      "lm_head.weight",
      ["microBatchSize=2", "model.dropPathRate=0.2"],
    );
    assert.equal(error.found?.kind, "output");
    assert.match(
      error.message,
      /stage "loss", layer lm_head: output of linearCrossEntropy \[\] has 1 \w+ of 1 values/,
    );
    await replaysOn(["reference"], error);
  });
});

Deno.test("a gradient that is not finite behind a finite loss is named where it first is", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "precision=float32",
      "schedule.steps=3",
    ]);
    type Loss = PretrainStages["loss"];
    // The slope of a root at zero is infinite, and what it is multiplied by is zero.
    const loss: Loss = {
      name: "loss",
      run: ({ patches }) => ({ loss: tf.mean(tf.sqrt(tf.relu(patches))) as Tensor, metrics: {} }),
    };
    const stages = { loss };
    const error = await diverge(config, { backend, directory: `${folder}/run`, stages });
    assert.match(error.message, /^Step 1 is not finite \(loss 0\.\d+\)/);
    assert.match(
      error.message,
      /stage "encode", layer norm: gradient of the output of layerNorm \[24, 16\] has \d+ NaN/,
    );
    const { isSame } = await replayFailure(error.bundle!, { backendName: "reference", stages });
    assert.ok(isSame);
  });
});

Deno.test("a stage of the user's that gives NaN is named; its replay needs the stage", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "precision=float32",
      "schedule.steps=3",
    ]);
    type Encode = ReturnType<typeof encode>;
    const poison: Encode = {
      name: "encode",
      run: ({ tokens }) => ({
        patches: tf.mul(tf.ones([2, 16]), NaN) as Tensor,
        aggregated: null,
        positions: Int32Array.of(0, 1),
        targets: tf.slice(tokens, 0, 2),
      }),
    };
    const stages = { encode: poison };
    const error = await diverge(config, { backend, directory: `${folder}/run`, stages });
    assert.match(error.message, /stage "encode": output "patches" \[2, 16\] has 32 NaN/);
    await assert.rejects(replayFailure(error.bundle!), /stages of your own .*: encode/);
    const { isSame } = await replayFailure(error.bundle!, { backendName: "reference", stages });
    assert.ok(isSame);
  });
});

Deno.test("an AMP run that skips too many steps ends with the guilty tensor, in float16", async () => {
  await withFolder(async (folder) => {
    const { backend } = await createBackend("reference");
    const error = await divergeAfter(
      folder,
      backend,
      (values) => values[0] = Infinity,
      "norm.bias",
      [
        "precision=amp",
        "backend.name=reference",
        "schedule.steps=80",
        "batchSize=1",
        "model.depth=1",
        "model.earlyLayers=1",
        "model.headLayers=0",
      ],
    );
    await backend.dispose();
    assert.match(error.message, /^10 steps in a row, up to 15, were skipped for non-finite losses/);
    assert.match(error.message, /parameter norm\.bias/);
    await replaysOn(["reference"], error);
    await assert.rejects(replayFailure(error.bundle!, { backendName: "cpu" }), (thrown) => {
      assert.ok(thrown instanceof UserError);
      return /has no float16; use --backend reference/.test(thrown.message);
    });
  });
});

Deno.test("after the first bad step of a float32 run no parameter moves", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "precision=float32",
      "schedule.steps=6",
    ]);
    // Only the second step is bad; the third is submitted before the second is read.
    type Encode = ReturnType<typeof encode>;
    const spoil: Encode = {
      name: "encode",
      run: ({ tokens }, { step }) => ({
        patches: tf.mul(tf.ones([2, 16]), step === 1 ? NaN : 1) as Tensor,
        aggregated: null,
        positions: Int32Array.of(0, 1),
        targets: tf.slice(tokens, 0, 2),
      }),
    };
    const own = { encode: spoil };
    const directory = `${folder}/run`;
    const error = await diverge(config, { backend, directory, stages: own });
    assert.match(error.message, /^Step 2 is not finite/);
    const bundled = loadCheckpoint(error.bundle!);
    const file = await bundled.open("parameters");
    const after = await readValues(file);
    file.close();
    const one = { ...config, schedule: { ...config.schedule, maxSteps: 1 } };
    await pretrain(one, { backend, directory: `${folder}/one`, stages: own });
    const saved = loadCheckpoint(latestCheckpoint(`${folder}/one`).checkpoint!.directory);
    const model = await saved.open("model");
    const before = await readValues(model);
    model.close();
    for (const [name, { values }] of before) {
      assert.deepEqual(after.get(name)!.values, values, name);
    }
  });
});

Deno.test("a damaged bundle and a checkpoint are refused in one line", async () => {
  await withFolder(async (folder, backend) => {
    const name = "cls_token";
    const error = await divergeAfter(folder, backend, (values) => values[0] = NaN, name);
    const checkpoint = latestCheckpoint(`${folder}/run`).checkpoint!.directory;
    await assert.rejects(replayFailure(checkpoint), /it is a checkpoint/);
    const path = `${error.bundle}/batch.safetensors`;
    const bytes = Deno.readFileSync(path);
    bytes[bytes.length - 1] ^= 1;
    Deno.writeFileSync(path, bytes);
    await assert.rejects(replayFailure(error.bundle!), UserError);
    await assert.rejects(replayFailure(`${folder}/none`), UserError);
  });
});
