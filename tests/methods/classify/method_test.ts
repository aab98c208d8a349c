import assert from "node:assert/strict";
import { openModel } from "../../../checkpoints/open_model.ts";
import { UserError } from "../../../core/errors.ts";
import { classifierSpecs } from "../../../models/classifier.ts";
import { classificationLoss } from "../../../methods/classify/stages/loss.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { startClassifier } from "../../../methods/classify/model.ts";
import { runFinetune, tinyFinetune } from "../../tasks/_tiny_finetune.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { writeTinyData, writeTinyModel } from "../../tasks/_tiny_model.ts";

/** Everything that draws, at once. */
const allDraws = [
  "augment.mixing.mixup=0.8",
  "augment.mixing.cutmix=1",
  "augment.randAugment.magnitude=9",
  "augment.randomErasing.probability=0.5",
  "model.dropPathRate=0.2",
  "ema.decay=0.9",
];

Deno.test("finetune() learns bright from dark and keeps the best and the last model", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyModel(folder);
    const directory = `${folder}/run`;
    const config = await tinyFinetune(writeTinyData(folder), [
      `pretrained=${checkpoint}`,
      "optimizer.lr=5e-3",
      "schedule.steps=24",
    ]);
    const { losses, result } = await runFinetune(config, { backend, directory });
    assert.ok(losses[23] < 0.8 * losses[0], losses.join());
    assert.equal(result.top1, 1);
    assert.equal(result.top5, 1);
    assert.equal(result.classes, 2);
    assert.equal(result.best?.top1, 1);
    const best = await openModel(`${directory}/best.safetensors`);
    assert.deepEqual([best.kind, best.shape.classes], ["finetune", 2]);
    assert.deepEqual(best.report.missing, []);
    assert.equal(JSON.parse(best.metadata["mimic.best"]).step, result.best?.step);
    best.close();
    const last = await openModel(directory);
    assert.equal(last.shape.usesRelativePositionBias, true);
    assert.deepEqual(last.report.missing, []);
    last.close();
    const lines = Deno.readTextFileSync(`${directory}/metrics.jsonl`).trim().split("\n");
    const { stages } = JSON.parse(lines[2]);
    const named = ["load", "augment", "mix", "classify", "loss", "optimize"];
    assert.deepEqual(named.filter((name) => !(name in stages)), []);
  });
});

Deno.test("a fine-tuning stopped after step 7 goes on to bitwise the same losses", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyFinetune(writeTinyData(folder), [
      `pretrained=${await writeTinyModel(folder)}`,
      "augment.randAugment={}",
      "augment.randomErasing={}",
      "augment.mixing={}",
      "ema={}",
      ...allDraws,
    ]);
    const whole = await runFinetune(config, { backend, directory: `${folder}/whole` });
    const directory = `${folder}/run`;
    const stop = new AbortController();
    const first = await runFinetune(config, {
      backend,
      directory,
      signal: stop.signal,
      listener: (event: RunEvent) => {
        if (event.type === "step" && event.metrics.step === 6) stop.abort();
      },
    });
    assert.ok(first.result.interrupted && first.losses.length < 12);
    // The weights are those of the checkpoint: the pretrained file is not needed any more.
    Deno.removeSync(`${folder}/model.safetensors`);
    const rest = await runFinetune(config, { backend, directory });
    assert.deepEqual([...first.losses, ...rest.losses], whole.losses);
    const { directory: _, ...result } = rest.result;
    const { directory: __, ...wanted } = whole.result;
    assert.deepEqual(result, wanted);
    const bytes = (name: string) => Deno.readFileSync(`${folder}/${name}/best.safetensors`);
    assert.deepEqual(bytes("run"), bytes("whole"));
  });
});

Deno.test("the shared table goes into every block, the head starts at its own scale", async () => {
  await withFolder(async (folder) => {
    const config = await tinyFinetune("sample", [
      `pretrained=${await writeTinyModel(folder)}`,
      "model.embedDim=32",
      "model.headInitScale=0.5",
    ]);
    const notes: string[] = [];
    const { shape, initialise } = await startClassifier(config, 3, (event) => {
      if (event.type === "note") notes.push(event.message);
    });
    assert.equal(shape.embedDim, 16);
    assert.match(notes.join(), /embedDim 16 \(config: 32\)/);
    const table = { shape: [52, 2] };
    const [first, second] = [0, 1].map((block) =>
      initialise({ name: `blocks.${block}.attn.relative_position_bias_table`, ...table })
    );
    assert.deepEqual(first, second);
    assert.ok(Math.abs(first[1] - Math.sin(1)) < 1e-6);
    const head = classifierSpecs(shape).find(({ name }) => name === "head.weight")!;
    const other = await startClassifier(
      { ...config, model: { ...config.model, headInitScale: 1 } },
      3,
      () => {},
    );
    const whole = other.initialise(head);
    assert.deepEqual(initialise(head), whole.map((value) => value * 0.5));
  });
});

Deno.test("positions are interpolated where the images have another size", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyFinetune(writeTinyData(folder), [
      `pretrained=${await writeTinyModel(folder)}`,
      "model.imageSize=24",
      "augment.testResize=27",
      "schedule.steps=2",
    ]);
    const { losses } = await runFinetune(config, { backend });
    assert.equal(losses.length, 2);
    assert.ok(losses.every(Number.isFinite));
  });
});

Deno.test("the last, smaller batch of an epoch is taken with dropLast=false", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyFinetune(writeTinyData(folder), [
      "data.dropLast=false",
      "batchSize=10",
      "microBatchSize=5",
      "schedule.steps=7",
    ]);
    // 24 images: steps of 10, 10 and 4.
    const { losses } = await runFinetune(config, { backend });
    assert.equal(losses.length, 7);
  });
});

Deno.test("few labels: the same seed trains on the same images of every class", async () => {
  await withFolder(async (folder, backend) => {
    const data = writeTinyData(folder);
    const few = await tinyFinetune(data, ["data.labelFraction=0.25", "schedule.steps=3"]);
    const one = await runFinetune(few, { backend });
    const two = await runFinetune(few, { backend });
    assert.deepEqual(one.losses, two.losses);
    const seen = new Set<string>();
    await runFinetune(few, {
      backend,
      stages: {
        mix: {
          name: "mix",
          run(batch) {
            for (const id of batch.ids) seen.add(id);
            const images = new Float32Array(batch.size * 3 * 256);
            const targets = new Float32Array(batch.size * 2).fill(0.5);
            return { ...batch, images, targets };
          },
        },
      },
    });
    assert.equal(seen.size, 6);
    assert.equal([...seen].filter((id) => id.includes("dark")).length, 3);
  });
});

Deno.test("a stage of the user's takes part, and no tensor is left over", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyFinetune(writeTinyData(folder), ["schedule.steps=3", "ema={}"]);
    let calls = 0;
    const own = classificationLoss();
    const stages = {
      loss: {
        name: "loss" as const,
        run(...args: Parameters<typeof own.run>) {
          calls++;
          return own.run(...args);
        },
      },
    };
    await runFinetune(config, { backend, stages });
    assert.equal(calls, 3);
    const before = backend.memory().tensors;
    await runFinetune(config, { backend });
    assert.equal(backend.memory().tensors, before);
  });
});

Deno.test("mistakes in fine-tuning are one-line errors that name the way out", async () => {
  await withFolder(async (folder, backend) => {
    const data = writeTinyData(folder);
    const fails = async (overrides: string[], message: RegExp) => {
      const config = await tinyFinetune(data, overrides);
      await assert.rejects(runFinetune(config, { backend }), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    };
    await fails(["model.classes=1"], /the images have 2 classes.*model\.classes=auto/);
    await fails([`pretrained=${folder}/none.pth`], /none\.pth/);
    await fails([`data.source=${data}/val/dark`, "data.split=null"], /no class labels/);
  });
});
