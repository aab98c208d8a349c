import assert from "node:assert/strict";
import { openSafetensors } from "../../checkpoints/safetensors/safetensors.ts";
import { UserError } from "../../core/errors.ts";
import { parquetReadObjects } from "../../deps/hyparquet_test.ts";
import { features } from "../../tasks/features.ts";
import { knn } from "../../tasks/knn.ts";
import { loadEncoder } from "../../pipeline/weights/load_encoder.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "./_tiny.ts";
import { writeTinyData, writeTinyModel } from "./_tiny_model.ts";

Deno.test("features() writes every block and token asked for, with labels and ids", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyModel(folder);
    const out = `${folder}/f.safetensors`;
    const result = await features({
      checkpoint,
      images: [writeTinyData(folder)],
      split: "val",
      layers: [0, -1],
      tokens: ["cls", "meanPatches", "patches"],
      out,
      batch: 5,
      data: { workers: 0 },
      backend,
    });
    assert.equal(result.images, 12);
    const file = await openSafetensors(out);
    assert.deepEqual(
      Object.fromEntries(file.names().map((name) => [name, file.info(name).shape])),
      {
        "layer0.cls": [12, 16],
        "layer0.meanPatches": [12, 16],
        "layer0.patches": [12, 16, 16],
        "layer1.cls": [12, 16],
        "layer1.meanPatches": [12, 16],
        "layer1.patches": [12, 16, 16],
        labels: [12],
      },
    );
    const labels = [...(await file.read("labels")).data as Int32Array];
    assert.deepEqual(labels, [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    assert.deepEqual(JSON.parse(file.metadata.classes), ["bright", "dark"]);
    assert.equal(JSON.parse(file.metadata.ids)[6], "val/dark/0.pgm");
    const mean = (await file.read("layer1.meanPatches")).data as Float32Array;
    const patches = (await file.read("layer1.patches")).data as Float32Array;
    const own = Array.from({ length: 16 }, (_, n) => patches[n * 16]);
    assert.ok(Math.abs(own.reduce((sum, value) => sum + value) / 16 - mean[0]) < 1e-5);
    file.close();
  });
});

Deno.test("features() writes the same numbers as rows of a Parquet file", async () => {
  await withFolder(async (folder, backend) => {
    const options = {
      checkpoint: await writeTinyModel(folder),
      images: [writeTinyData(folder)],
      split: "val",
      tokens: ["cls", "patches"] as const,
      data: { workers: 0 },
      backend,
    };
    await features({ ...options, out: `${folder}/f.safetensors` });
    await features({ ...options, out: `${folder}/f.parquet` });
    const file = await openSafetensors(`${folder}/f.safetensors`);
    const cls = (await file.read("layer1.cls")).data as Float32Array;
    const patches = (await file.read("layer1.patches")).data as Float32Array;
    file.close();
    const { buffer } = Deno.readFileSync(`${folder}/f.parquet`);
    const rows = await parquetReadObjects({ file: buffer });
    assert.equal(rows.length, 12);
    assert.deepEqual(
      [rows[6].id, rows[6].label, rows[6].class],
      ["val/dark/0.pgm", 1, "dark"],
    );
    assert.deepEqual(rows.flatMap((row) => row["layer1.cls"]), [...cls]);
    assert.deepEqual(rows.flatMap((row) => row["layer1.patches"].flat()), [...patches]);
  });
});

Deno.test("features() takes single images, and positions fit another image size", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyModel(folder);
    const data = writeTinyData(folder);
    const images = [`${data}/val/dark/1.pgm`, `${data}/val/bright/0.pgm`];
    const out = `${folder}/f.safetensors`;
    const options = { checkpoint, images, out, backend, data: { workers: 0 } };
    const { tensors } = await features({ ...options, tokens: ["patches"], imageSize: 24 });
    assert.deepEqual(tensors["layer1.patches"], [2, 36, 16]);
    const file = await openSafetensors(out);
    assert.deepEqual(JSON.parse(file.metadata.ids), images);
    assert.deepEqual([...(await file.read("labels")).data as Int32Array], [-1, -1]);
    file.close();
  });
});

Deno.test("knn() tells bright from dark images and reports every k", async () => {
  await withFolder(async (folder, backend) => {
    const result = await knn({
      checkpoint: await writeTinyModel(folder),
      data: { source: writeTinyData(folder), workers: 0 },
      neighbours: [3, 1],
      backend,
    });
    assert.equal(result.top1, 1);
    assert.deepEqual(result.results.map(({ k }) => k), [3, 1]);
    assert.equal(result.token, "meanPatches");
    assert.equal(result.layer, 1);
    assert.deepEqual([result.trainImages, result.testImages, result.classes], [24, 12, 2]);
    const alone = await knn({
      checkpoint: await writeTinyModel(folder),
      data: { source: writeTinyData(folder), workers: 0 },
      baselines: false,
      backend,
    });
    assert.deepEqual(alone.baselines, {});
  });
});

Deno.test("knn() of a run measures the baselines that the run's own end did", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      `data.source=${writeTinyData(folder)}`,
      "schedule.steps=2",
      "evaluation.knn.atEnd=true",
      "evaluation.knn.k=3",
      "precision=float32",
      "seed=4",
    ]);
    const run = `${folder}/run`;
    const { evaluation } = await pretrain(config, { backend, directory: run });
    const { top1, baselines } = await knn({ checkpoint: run, neighbours: [3], backend });
    const ofRun = Object.fromEntries(
      Object.entries(evaluation).map(([place, { knnTop1 }]) => [place, knnTop1]),
    );
    assert.deepEqual({
      features: top1,
      untrained: baselines.untrained[0].top1,
      pixels: baselines.pixels[0].top1,
      chance: 0.5,
    }, ofRun);
    assert.ok(!("knnTop5" in evaluation.features), "of two classes, the first five say nothing");
  });
});

Deno.test("an encoder is loaded without its pretraining parts and leaves no tensor", async () => {
  await withFolder(async (folder, backend) => {
    const before = backend.memory().tensors;
    const on = { backend, precision: "float32" } as const;
    const { config, parameters, dispose } = await loadEncoder(on, await writeTinyModel(folder));
    assert.equal(config.headLayers, 0);
    const pretrainingOnly = /mask_token|lm_head|^norm|cls_pt/;
    assert.deepEqual(parameters.names.filter((name) => pretrainingOnly.test(name)), []);
    dispose();
    assert.equal(backend.memory().tensors, before);
  });
});

Deno.test("looking at a model fails with what to do", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyModel(folder);
    const data = { source: writeTinyData(folder), workers: 0 };
    const fails = async (work: Promise<unknown>, message: RegExp) =>
      await assert.rejects(work, (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    await fails(knn({ checkpoint, data, backend, layer: 2 }), /has 2 blocks/);
    await fails(knn({ checkpoint: `${folder}/none.pth`, data, backend }), /none\.pth/);
    await fails(knn({ checkpoint, data, backend, imageSize: 18 }), /do not divide/);
    const flat = { ...data, source: `${data.source}/val/dark`, split: null, evaluationSplit: null };
    await fails(knn({ checkpoint, data: flat, backend }), /no class labels/);
    const out = `${folder}/f.safetensors`;
    await fails(features({ checkpoint, images: [`${folder}/x.png`], out, backend }), /x\.png/);
  });
});
