import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../core/errors.ts";
import { convertCheckpoint } from "../../checkpoints/convert.ts";
import { CONVERT_TARGETS } from "../../checkpoints/convert_writers.ts";
import { describeInspection, inspectFile } from "../../checkpoints/inspect.ts";
import { openModel, requireWhole } from "../../checkpoints/open_model.ts";
import { openPth } from "../../checkpoints/pth/pth.ts";
import { writePth } from "../../checkpoints/pth/pth_writer.ts";
import { openSafetensors } from "../../checkpoints/safetensors/safetensors.ts";
import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import { saveCheckpoint } from "../../checkpoints/store/store.ts";
import { bytesOf, type TensorFile, type TensorMap } from "../../checkpoints/tensors/tensor_data.ts";
import { OFFICIAL, officialTensors } from "./_official_keys.ts";

type List = keyof typeof OFFICIAL;
const LISTS = Object.keys(OFFICIAL) as List[];

async function inTempDir(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function writeOfficial(folder: string, list: List): Promise<string> {
  const path = join(folder, `${list}.pth`);
  await writePth(path, {
    [OFFICIAL[list].wrapper]: await officialTensors(list, "small"),
    epoch: 299,
  });
  return path;
}

async function assertSameTensors(found: TensorFile, wanted: TensorMap): Promise<void> {
  assert.deepEqual(found.names().sort(), [...wanted.keys()].sort());
  for (const [name, tensor] of wanted) {
    const read = await found.read(name);
    const original = await tensor.read();
    assert.deepEqual([...read.shape], [...original.shape], name);
    assert.equal(read.dtype, original.dtype, name);
    assert.deepEqual(bytesOf(read), bytesOf(original), name);
  }
  found.close();
}

for (const list of LISTS) {
  const { format, kind } = OFFICIAL[list];
  Deno.test(`openModel() understands ${list}`, () =>
    inTempDir(async (folder) => {
      const model = await openModel(await writeOfficial(folder, list));
      assert.equal(model.format, format);
      assert.equal(model.kind, kind);
      assert.deepEqual(model.report.missing, []);
      assert.deepEqual(model.report.wrongShape, []);
      assert.deepEqual(model.report.unknown, []);
      requireWhole(model.report, list);
      const { imageSize, patchSize, embedDim, depth, mlpRatio } = model.shape;
      assert.deepEqual([imageSize, patchSize, embedDim, depth, mlpRatio], [8, 4, 12, 12, 4]);
      if (kind !== "tokenizer") assert.equal(model.shape.heads, 2);
      if (kind === "pretrain") {
        assert.deepEqual(
          [model.shape.codes, model.shape.earlyLayers, model.shape.headLayers],
          [10, 9, 2],
        );
      }
      if (kind === "finetune") assert.equal(model.shape.classes, 7);
      if (kind === "tokenizer") {
        const { codes, codeDim, decoderDepth, teacherDim } = model.shape;
        assert.deepEqual([codes, codeDim, decoderDepth, teacherDim], [10, 6, 3, 8]);
      }
      model.close();
    }));

  for (const to of CONVERT_TARGETS) {
    const cannot = kind === "tokenizer" && (to === "timm" || to === "huggingface");
    if (cannot) {
      Deno.test(`convertCheckpoint() says that ${to} has no class for ${list}`, () =>
        inTempDir(async (folder) => {
          const path = await writeOfficial(folder, list);
          await assert.rejects(convertCheckpoint(path, join(folder, "out"), { to }), UserError);
        }));
      continue;
    }
    Deno.test(`convertCheckpoint() takes ${list} to ${to} and back, every byte the same`, () =>
      inTempDir(async (folder) => {
        const path = await writeOfficial(folder, list);
        const there = join(folder, "there");
        const report = await convertCheckpoint(path, there, { to });
        assert.equal(report.kind, kind);
        assert.deepEqual(report.unknown, []);
        const back = join(folder, "back.pth");
        const returned = await convertCheckpoint(there, back, { to: format });
        assert.deepEqual(returned.missing, []);
        assert.deepEqual(returned.aside, []);
        await assertSameTensors(await openPth(back), await officialTensors(list, "small"));
      }));
  }
}

Deno.test("convertCheckpoint() gives Hugging Face its names, split and without our extras", () =>
  inTempDir(async (folder) => {
    const out = join(folder, "hub");
    const from = await writeOfficial(folder, "unilm_pretrain_vitb");
    const report = await convertCheckpoint(from, out, { to: "huggingface" });
    assert(report.aside.every((name) => name.startsWith("cls_pt_layers.")));
    const file = await openSafetensors(join(out, "model.safetensors"));
    const names = file.names();
    file.close();
    assert(names.includes("beit.encoder.layer.0.attention.attention.key.weight"));
    assert(names.includes("beit.encoder.relative_position_bias.relative_position_bias_table"));
    assert(!names.some((name) => /qkv|cls_pt|index/.test(name)));
    const config = JSON.parse(await Deno.readTextFile(join(out, "config.json")));
    assert.deepEqual(config.architectures, ["BeitForMaskedImageModeling"]);
    assert.equal(config.use_shared_relative_position_bias, true);
    assert.equal(config.num_attention_heads, 2);
    const processor = JSON.parse(await Deno.readTextFile(join(out, "preprocessor_config.json")));
    assert.deepEqual(processor.crop_size, { height: 8, width: 8 });
    // The shorter edge: an image that is not square is cut, not squeezed.
    assert.deepEqual(Object.keys(processor.size), ["shortest_edge"]);
  }));

Deno.test("convertCheckpoint() gives timm a table in every block, as its architecture has", () =>
  inTempDir(async (folder) => {
    const from = await writeOfficial(folder, "unilm_pretrain_vitb");
    const out = join(folder, "timm");
    const report = await convertCheckpoint(from, out, { to: "timm" });
    assert(report.aside.includes("rel_pos_bias.relative_position_bias_table"));
    const file = await openSafetensors(join(out, "model.safetensors"));
    const own = file.names().filter((name) => /^blocks\.\d+\.attn\.rel.*table$/.test(name));
    assert.equal(own.length, 12);
    assert(!file.names().some((name) => name.startsWith("rel_pos_bias")));
    file.close();
    const { model_args } = JSON.parse(await Deno.readTextFile(join(out, "config.json")));
    assert.equal(model_args.use_rel_pos_bias, true);
    assert.equal(model_args.use_shared_rel_pos_bias, false);
  }));

Deno.test("convertCheckpoint() gives timm its preparation with the weights", () =>
  inTempDir(async (folder) => {
    const from = await writeOfficial(folder, "mmselfsup_finetune_vitb");
    await convertCheckpoint(from, join(folder, "timm.safetensors"), { to: "timm" });
    const file = await openSafetensors(join(folder, "timm.safetensors"));
    assert.equal(file.metadata.mean, "0.485,0.456,0.406");
    assert.equal(file.metadata.crop_pct, "0.9");
    assert(file.names().includes("blocks.11.attn.relative_position_bias_table"));
    file.close();
    await convertCheckpoint(from, join(folder, "timm"), { to: "timm" });
    const config = JSON.parse(await Deno.readTextFile(join(folder, "timm", "config.json")));
    assert.equal(config.architecture, "beitv2_base_patch16_224");
    assert.equal(config.num_classes, 7);
    assert.equal(config.pretrained_cfg.crop_pct, 0.9);
  }));

Deno.test("convertCheckpoint() converts a file onto itself", () =>
  inTempDir(async (folder) => {
    const path = await writeOfficial(folder, "unilm_finetune_vitb");
    await convertCheckpoint(path, path, { to: "mmselfsup" });
    assert.equal((await inspectFile(path)).format, "mmselfsup");
    assert.deepEqual([...Deno.readDirSync(folder)].length, 1);
  }));

Deno.test("openModel() takes the tokenizer out of mmselfsup's pretraining checkpoint", () =>
  inTempDir(async (folder) => {
    const path = await writeOfficial(folder, "mmselfsup_pretrain_vitb");
    const tokenizer = await openModel(path, { part: "tokenizer" });
    assert.equal(tokenizer.kind, "tokenizer");
    assert.deepEqual(tokenizer.report.missing, []);
    assert.equal(tokenizer.shape.decoderDepth, 0);
    assert(tokenizer.tensors.has("encoder.fc_norm.weight"));
    tokenizer.close();
    const other = await writeOfficial(folder, "unilm_finetune_vitb");
    await assert.rejects(openModel(other, { part: "tokenizer" }), /holds no tokenizer/);
  }));

Deno.test("openModel() drops teachers and lists what is unknown, missing and misshapen", () =>
  inTempDir(async (folder) => {
    const tensors = await officialTensors("unilm_vqkd_3x768x12_clip", "small");
    const one = { dtype: "F32", shape: [1], data: new Float32Array(1) } as const;
    const model = new Map<string, (typeof one) | NonNullable<ReturnType<typeof tensors.get>>>(
      tensors,
    );
    model.delete("encoder.fc_norm.bias");
    model.set("quantize.cluster_size", one);
    model.set("teacher_model.visual.proj", one);
    model.set("scaling_layer.shift", one);
    model.set("surprise", one);
    const path = join(folder, "vqkd.pth");
    await writePth(path, { model });
    const { report, close } = await openModel(path);
    close();
    assert.deepEqual(report.dropped.map(({ name }) => name), [
      "teacher_model.visual.proj",
      "scaling_layer.shift",
    ]);
    assert.deepEqual(report.unknown, ["surprise"]);
    assert.deepEqual(report.missing, ["encoder.fc_norm.bias"]);
    assert.deepEqual(report.wrongShape, [
      { name: "quantize.cluster_size", expected: [10], found: [1] },
    ]);
    assert.throws(
      () => requireWhole(report, '"vqkd.pth"'),
      /Cannot load "quantize.cluster_size" of "vqkd.pth": expected shape \[10\], found \[1\]/,
    );
  }));

Deno.test("openModel() sees through DistributedDataParallel's prefix", () =>
  inTempDir(async (folder) => {
    const tensors = await officialTensors("unilm_finetune_vitb", "small");
    const path = join(folder, "ddp.safetensors");
    await writeSafetensors(path, [...tensors].map(([name, tensor]) => [`module.${name}`, tensor]));
    const { kind, report, close } = await openModel(path);
    close();
    assert.equal(kind, "finetune");
    assert.deepEqual(report.missing, []);
  }));

Deno.test("openModel() refuses tensors of another model", () =>
  inTempDir(async (folder) => {
    const path = join(folder, "other.safetensors");
    await writeSafetensors(path, [
      ["conv1.weight", { dtype: "F32", shape: [1], data: new Float32Array(1) }],
    ]);
    await assert.rejects(openModel(path), /do not belong to a known BEiT/);
    await assert.rejects(openModel(folder), /it holds no weights/);
    await assert.rejects(openModel(join(folder, "none.pth")), /it does not exist/);
  }));

Deno.test("inspectFile() says what a file is", () =>
  inTempDir(async (folder) => {
    const path = await writeOfficial(folder, "mmselfsup_pretrain_vitb");
    let parameters = 0;
    for (const [name, { shape }] of await officialTensors("mmselfsup_pretrain_vitb", "small")) {
      if (!/target_generator|index/.test(name)) parameters += shape.reduce((a, b) => a * b, 1);
    }
    const found = await inspectFile(path);
    assert.equal(found.container, "pth");
    assert.deepEqual(found.wrappers, ["state_dict"]);
    assert.equal(found.tensors.length, 389);
    assert.equal(
      describeInspection(found),
      "mmselfsup_pretrain_vitb.pth: mmselfsup pretrain, 12 blocks of width 12, patch 4, 8 px, " +
        `10 codes; 389 tensors, ${parameters} parameters, 0.3 MB`,
    );
    const hostile = new URL("../fixtures/pth/hostile/zip_os_system.pth", import.meta.url);
    await assert.rejects(inspectFile(hostile), /it wants to use "os.system"/);
  }));

Deno.test("openModel() opens a run by its last whole checkpoint, with the shape it kept", () =>
  inTempDir(async (run) => {
    const official = await officialTensors("unilm_pretrain_vitb", "small");
    for (const step of [1, 2]) {
      await saveCheckpoint(run, step, {
        tensors: { model: official, optimizer: [] },
        state: { model: { heads: 2, imageSize: 8, layerScaleInitValue: 1e-5, codes: 999 } },
      });
    }
    await Deno.truncate(join(run, "checkpoints", "step-2", "model.safetensors"), 100);
    const model = await openModel(run);
    assert.equal(model.format, "mimic");
    assert.equal(model.kind, "pretrain");
    assert.equal(model.shape.layerScaleInitValue, 1e-5);
    assert.equal(model.shape.codes, 10); // Seen in the tensors, whatever the state claims.
    model.close();
    const found = await inspectFile(run);
    assert(found.path.includes("step-1"), found.path);
  }));
