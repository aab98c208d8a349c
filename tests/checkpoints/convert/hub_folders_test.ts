import assert from "node:assert/strict";
import { join } from "node:path";
import { convertCheckpoint } from "../../../checkpoints/convert.ts";
import { CONVERT_TARGETS } from "../../../checkpoints/convert_writers.ts";
import { openModel } from "../../../checkpoints/open_model.ts";
import { openPth } from "../../../checkpoints/pth/pth.ts";
import { writePth } from "../../../checkpoints/pth/pth_writer.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import { writeSafetensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";
import { UserError } from "../../../core/errors.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { noteNormalization } from "../../../pipeline/images/checkpoint_preparation.ts";
import { predict } from "../../../tasks/predict.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { OFFICIAL, officialTensors } from "../_official_keys.ts";

const MODELS = new URL("../../fixtures/models/", import.meta.url);
const modelOf = (name: string) => decodeURIComponent(new URL(name, MODELS).pathname);

async function readJson(path: string) {
  return JSON.parse(await Deno.readTextFile(path));
}

/** Logits of a grey 8 × 8 picture, which needs no resizing. */
async function logitsOf(checkpoint: string, folder: string): Promise<number[]> {
  const image = join(folder, "grey.pgm");
  const pixels = Uint8Array.from({ length: 64 }, (_, index) => 3 * index);
  const header = new TextEncoder().encode("P5 8 8 255\n");
  await Deno.writeFile(image, Uint8Array.from([...header, ...pixels]));
  const [{ guesses }] = await predict({
    checkpoint,
    images: [image],
    backendName: "reference",
    data: { workers: 0 },
  });
  assert.deepEqual(guesses.map(({ name }) => name).sort(), ["cat", "dog", "newt"]);
  return [...guesses].sort((a, b) => a.label - b.label).map(({ logit }) => logit);
}

function assertClose(found: readonly number[], wanted: readonly number[], tolerance = 1e-5): void {
  const worst = Math.max(...found.map((value, index) => Math.abs(value - wanted[index])));
  assert(worst <= tolerance, `${found} is not ${wanted}`);
}

Deno.test("a hub folder's preparation, names and epsilon are the model's", async () => {
  const vit = await openModel(modelOf("hf_vit"));
  vit.close();
  assert.deepEqual(vit.preprocessing, {
    mean: [0.5, 0.4, 0.3],
    standardDeviation: [0.5, 0.25, 0.2],
    cropShare: 1,
    interpolation: "bilinear",
    squashes: true,
  });
  assert.equal(vit.shape.normEpsilon, 1e-12);
  assert.deepEqual(vit.classNames, ["cat", "dog", "newt"]);
  const clip = await openModel(modelOf("hf_clip"));
  clip.close();
  assert.equal(clip.preprocessing?.cropShare, 0.8);
  assert.equal(clip.preprocessing?.squashes, undefined);
  const timm = await openModel(modelOf("timm_vit/model.safetensors"));
  timm.close();
  assert.deepEqual(timm.preprocessing?.mean, [0.5, 0.5, 0.5]);
  assert.deepEqual(timm.classNames, ["cat", "dog", "newt"]);
});

Deno.test("predict() prepares images as the folder says", () =>
  withFolder(async (folder) => {
    const own = await logitsOf(modelOf("hf_vit"), folder);
    const copy = join(folder, "copy");
    await Deno.mkdir(copy);
    for (const name of ["config.json", "model.safetensors"]) {
      await Deno.copyFile(join(modelOf("hf_vit"), name), join(copy, name));
    }
    const without = await logitsOf(copy, folder);
    assert(Math.max(...own.map((logit, i) => Math.abs(logit - without[i]))) > 1e-2);
  }));

for (const name of ["hf_beit_mean", "hf_beit_cls", "hf_beit_both_tables", "timm_beit_cls"]) {
  for (const to of CONVERT_TARGETS) {
    if (name.endsWith("cls") && to === "mmselfsup") continue;
    Deno.test(`${name} in ${to}'s files predicts the same, by the same names`, () =>
      withFolder(async (folder) => {
        const wanted = await logitsOf(modelOf(name), folder);
        const out = join(folder, `out${to === "mmselfsup" || to === "unilm" ? ".pth" : ""}`);
        const { notes } = await convertCheckpoint(modelOf(name), out, { to });
        const found = await logitsOf(out, folder);
        // timm, unilm and mmselfsup have an epsilon of their own, and convert says so.
        const differs = name.startsWith("hf") && !["huggingface", "safetensors"].includes(to);
        assert.equal(notes.length, differs ? 1 : 0);
        assertClose(found, wanted, differs ? 1e-3 : 1e-5);
      }));
  }
}

Deno.test("an exported folder has names, statistics and whole floats", () =>
  withFolder(async (folder) => {
    await convertCheckpoint(modelOf("hf_beit_cls"), folder, { to: "huggingface" });
    const text = await Deno.readTextFile(join(folder, "config.json"));
    assert.match(text, /"layer_scale_init_value": 0\.0,/);
    const config = JSON.parse(text);
    assert.equal(config.use_mean_pooling, false);
    assert.equal(config.layer_norm_eps, 1e-12);
    assert.deepEqual(config.id2label, { 0: "cat", 1: "dog", 2: "newt" });
    const processor = await readJson(join(folder, "preprocessor_config.json"));
    assert.deepEqual(processor.image_std, [0.5, 0.25, 0.2]);
    assert.deepEqual(processor.size, { height: 8, width: 8 });
    await convertCheckpoint(modelOf("hf_beit_mean"), join(folder, "timm"), { to: "timm" });
    const timm = await readJson(join(folder, "timm", "config.json"));
    assert.deepEqual(timm.label_names, ["cat", "dog", "newt"]);
    assert.equal(timm.pretrained_cfg.crop_mode, "squash");
    assert.deepEqual(timm.pretrained_cfg.mean, [0.5, 0.4, 0.3]);
    await convertCheckpoint(modelOf("hf_beit_mean"), join(folder, "mm.pth"), { to: "mmselfsup" });
    const file = await openPth(join(folder, "mm.pth"));
    file.close();
    assert.match(JSON.stringify((await openModel(join(folder, "mm.pth"))).classNames), /newt/);
  }));

Deno.test("a model that is not whole is refused, and written where that is wanted", () =>
  withFolder(async (folder) => {
    const tensors = await officialTensors("unilm_finetune_vitb", "small");
    tensors.delete("blocks.3.attn.q_bias");
    const path = join(folder, "part.pth");
    await writePth(path, { model: tensors });
    const out = join(folder, "out.safetensors");
    await assert.rejects(convertCheckpoint(path, out, { to: "safetensors" }), (error: Error) => {
      assert(error instanceof UserError);
      assert.match(error.message, /"blocks\.3\.attn\.q_bias" missing; .*--allow-missing/);
      return true;
    });
    await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
    const report = await convertCheckpoint(path, out, { to: "safetensors", allowMissing: true });
    assert.deepEqual(report.missing, ["blocks.3.attn.q_bias"]);
  }));

for (const name of ["hf_vit", "hf_dino", "hf_dinov2", "hf_clip", "timm_vit"]) {
  Deno.test(`${name} is no BEiT: convert says so for unilm, and keeps it in our own file`, () =>
    withFolder(async (folder) => {
      const out = join(folder, "out");
      const { rejects } = assert;
      for (const to of ["unilm", "mmselfsup"] as const) {
        await rejects(convertCheckpoint(modelOf(name), out, { to }), /expected a BEiT, found a/);
      }
      await convertCheckpoint(modelOf(name), out, { to: "safetensors" });
      const before = await openModel(modelOf(name));
      const after = await openModel(out);
      for (const model of [before, after]) model.close();
      assert.equal(after.family, before.family);
      assert.deepEqual(after.shape, before.shape);
      assert.deepEqual(after.report.unknown, []);
      assert.deepEqual(after.preprocessing, before.preprocessing);
    }));
}

Deno.test("--part takes the tokenizer alone, or the model alone", () =>
  withFolder(async (folder) => {
    const list = "mmselfsup_pretrain_vitb";
    const path = join(folder, "both.pth");
    await writePth(path, { [OFFICIAL[list].wrapper]: await officialTensors(list, "small") });
    for (const part of ["tokenizer", "model"] as const) {
      const out = join(folder, `${part}.safetensors`);
      await convertCheckpoint(path, out, { to: "safetensors", part });
      const file = await openSafetensors(out);
      const isOfTokenizer = (name: string) =>
        /^(encoder|encode_task_layer|quantize)\.|^target_generator/.test(name);
      assert(file.names().length > 100);
      assert(file.names().every((name) => isOfTokenizer(name) === (part === "tokenizer")));
      file.close();
    }
  }));

Deno.test("--dtype halves the bytes, rounds to the nearest and keeps the codebook", () =>
  withFolder(async (folder) => {
    const list = "unilm_vqkd_3x768x12_clip";
    const path = join(folder, "in.pth");
    await writePth(path, { model: await officialTensors(list, "small") });
    for (const [dtype, name] of [["float16", "F16"], ["bfloat16", "BF16"]] as const) {
      const out = join(folder, `${dtype}.safetensors`);
      await convertCheckpoint(path, out, { to: "safetensors", dtype });
      const file = await openSafetensors(out);
      assert.equal(file.info("encoder.cls_token").dtype, name);
      assert.equal(file.info("quantize.embedding.weight").dtype, "F32");
      file.close();
    }
    // 1 + 2⁻⁸ lies between two numbers of bfloat16: to the even one, as PyTorch rounds.
    const beit = await officialTensors("unilm_finetune_vitb", "small");
    const bias = beit.get("head.bias")!;
    const values = Float32Array.from({ length: bias.shape[0] }, () => 1 + 2 ** -8);
    values[1] = 1 + 3 * 2 ** -8;
    values[2] = 70000;
    const changed = { dtype: "F32", shape: bias.shape, data: values } as const;
    beit.set("head.bias", { ...changed, read: () => changed });
    await writeSafetensors(join(folder, "beit.safetensors"), beit);
    const out = join(folder, "out.safetensors");
    const beitPath = join(folder, "beit.safetensors");
    await convertCheckpoint(beitPath, out, { to: "safetensors", dtype: "bfloat16" });
    const file = await openSafetensors(out);
    const { data } = await file.read("head.bias");
    assert.deepEqual([data[0], data[1]], [0x3f80, 0x3f82]);
    file.close();
    await assert.rejects(
      convertCheckpoint(beitPath, out, { to: "safetensors", dtype: "float16" }),
      /Cannot write "head.bias" as float16: it holds 70000.*bfloat16/,
    );
  }));

Deno.test("an index that names files elsewhere, or none, is refused", () =>
  withFolder(async (folder) => {
    const index = join(folder, "model.safetensors.index.json");
    for (
      const [map, message] of [
        [{ a: "../../secret" }, /expected the name of a file next to it/],
        [{ a: "absent.safetensors" }, /"absent.safetensors", one of its files, is missing/],
        [{}, /expected "weight_map"/],
      ] as const
    ) {
      await Deno.writeTextFile(index, JSON.stringify({ weight_map: map }));
      await assert.rejects(openModel(folder), (error: Error) => {
        assert(error instanceof UserError);
        assert.match(error.message, message);
        return true;
      });
    }
  }));

Deno.test("training with other statistics than the folder declares says so, and which to take", () => {
  const told: string[] = [];
  const listener = (event: RunEvent) => {
    if (event.type === "note") told.push(event.message);
  };
  const half = {
    mean: [0.5, 0.5, 0.5],
    standardDeviation: [0.5, 0.5, 0.5],
    cropShare: 1,
    interpolation: "bicubic",
  } as const;
  noteNormalization(undefined, "imagenet", listener);
  noteNormalization(half, "half", listener);
  assert.deepEqual(told, []);
  noteNormalization(half, "imagenet", listener);
  noteNormalization({ ...half, mean: [0.4, 0.5, 0.5] }, "imagenet", listener);
  assert.match(
    told[0],
    /means 0\.500, .* is imagenet: --set augment\.normalization=half uses its/,
  );
  assert.match(told[1], /means 0\.400, .*, and augment\.normalization is imagenet$/);
});
