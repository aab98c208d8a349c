import assert from "node:assert/strict";
import type { Backend } from "../../../backends/backend.ts";
import { convertCheckpoint } from "../../../checkpoints/convert.ts";
import { expectedTensors } from "../../../checkpoints/formats/expected_tensors.ts";
import { writeSafetensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";
import { sizeOf } from "../../../core/shapes.ts";
import { Generator } from "../../../core/generator.ts";
import type { PretrainConfig } from "../../../methods/beit/config.ts";
import { pretrain, type PretrainOptions } from "../../../methods/beit/method.ts";
import { planPretraining } from "../../../methods/beit/plan.ts";
import { beitConfig } from "../../../methods/beit/shape.ts";
import { startPretraining } from "../../../methods/beit/start.ts";
import { initialiseBeit } from "../../../models/initialise.ts";
import { maskedImageModelSpecs } from "../../../models/masked_image_model.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";

const few = "schedule.maxSteps=3";

/** The losses of a run's steps, its notes and its result. */
async function follow(config: PretrainConfig, options: PretrainOptions & { backend: Backend }) {
  const losses: number[] = [];
  const notes: string[] = [];
  const result = await pretrain(config, {
    ...options,
    listener(event) {
      if (event.type === "step") losses.push(event.metrics.loss);
      if (event.type === "note") notes.push(event.message);
    },
  });
  return { losses, notes: notes.join("\n"), result };
}

/** The weights that a run of a config starts from, as a file of mimic's. */
async function writeInitial(folder: string, config: PretrainConfig): Promise<string> {
  const shape = beitConfig(config);
  const initialise = initialiseBeit(shape, Generator.from(config.seed).split("model"));
  const path = `${folder}/initial.safetensors`;
  await writeSafetensors(
    path,
    maskedImageModelSpecs(shape).map((spec) =>
      [spec.name, { dtype: "F32", shape: spec.shape, data: initialise(spec) }] as const
    ),
    { "mimic.shape": JSON.stringify(shape) },
  );
  return path;
}

Deno.test("continuing from a file in anyone's format has the losses of the model in it", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const fresh = await tinyConfig(tokenizer, [few]);
    const path = await writeInitial(folder, fresh);
    const wanted = await follow(fresh, { backend });
    assert.equal(wanted.result.gain, null);
    for (const to of ["safetensors", "unilm", "mmselfsup", "timm", "huggingface"] as const) {
      const target = to === "huggingface"
        ? `${folder}/hub`
        : `${folder}/${to}${to === "safetensors" || to === "timm" ? ".safetensors" : ".pth"}`;
      await convertCheckpoint(path, target, { to });
      const config = await tinyConfig(tokenizer, [few, `pretrained=${target}`]);
      const { losses, notes, result } = await follow(config, { backend });
      assert.match(notes, /starting from/, to);
      assert.doesNotMatch(notes, /New: /, to);
      assert.deepEqual(losses, wanted.losses, to);
      assert.equal(result.gain!.startLoss, losses[0]);
    }
  });
});

Deno.test("new heads, a classifier's leftovers and other sizes are listed, or refused", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const own = beitConfig(await tinyConfig(tokenizer));
    const shape = { ...own, classes: 5, codes: 0, headLayers: 0, earlyLayers: 0 };
    const path = `${folder}/classifier.safetensors`;
    await writeSafetensors(
      path,
      [...expectedTensors("finetune", shape)].map(([name, shape]) =>
        [name, { dtype: "F32", shape, data: new Float32Array(sizeOf(shape)).fill(0.01) }] as const
      ),
      { "mimic.shape": JSON.stringify(shape) },
    );
    const config = await tinyConfig(tokenizer, [few, `pretrained=${path}`]);
    const { notes } = await follow(config, { backend });
    assert.match(notes, /New: mask_token, norm \(2\), lm_head \(2\), cls_pt_layers \(\d+\)/);
    assert.match(notes, /Not used: fc_norm \(2\), head \(2\)/);
    const { continued } = await planPretraining(config);
    assert.equal(continued!.notUsed, 4);
    assert.ok(continued!.taken > 30 && continued!.new > 10, JSON.stringify(continued));

    const initial = await writeInitial(folder, config);
    const newHeads = await tinyConfig(tokenizer, [`pretrained=${initial}`, "newHeads=true"]);
    const { continuation } = await startPretraining(newHeads);
    assert.ok(continuation!.fresh.every((name) => /^(lm_head|cls_pt_layers)\./.test(name)));
    assert.ok(continuation!.taken.includes("mask_token"));

    const wide = await tinyConfig(tokenizer, [`pretrained=${initial}`, "model.embedDim=32"]);
    await assert.rejects(
      startPretraining(wide),
      /the config has model.embedDim 32, and the checkpoint 16; give --set model.embedDim=16/,
    );
    const wrong = await tinyConfig(tokenizer, [`pretrained=${tokenizer}`]);
    await assert.rejects(startPretraining(wrong), /it is a tokenizer/);
  });
});

Deno.test("positions are resized to the images, and a continued run resumes bitwise", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const initial = await writeInitial(folder, await tinyConfig(tokenizer));
    const larger = await writeTinyTokenizer(folder, { imageSize: 24 });
    const config = await tinyConfig(larger, [
      `pretrained=${initial}`,
      "model.imageSize=24",
      "checkpoint.everySteps=5",
    ]);
    const whole = await follow(config, { backend });
    assert.equal(whole.losses.length, 12);
    assert.match(whole.notes, /gained on the checkpoint: loss/i);
    const directory = `${folder}/run`;
    const short = { ...config, schedule: { ...config.schedule, maxSteps: 5 } };
    const first = await follow(short, { backend, directory });
    // What a resumed run needs is in its own checkpoint.
    Deno.removeSync(initial);
    const rest = await follow(config, { backend, directory });
    assert.deepEqual([...first.losses, ...rest.losses], whole.losses);
    assert.deepEqual(rest.result.gain, whole.result.gain);
  });
});
