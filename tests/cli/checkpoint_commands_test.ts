import assert from "node:assert/strict";
import { MODEL_CARDS } from "../../checkpoints/hub/cards.ts";
import { CONVERT_DTYPES } from "../../checkpoints/tensors/convert_dtype.ts";
import { CONVERT_TARGETS } from "../../checkpoints/convert_writers.ts";
import { expectedTensors } from "../../checkpoints/formats/expected_tensors.ts";
import type { ModelKind } from "../../checkpoints/formats/model_shape.ts";
import { writeSafetensors } from "../../checkpoints/safetensors/safetensors_writer.ts";
import { convert } from "../../cli/commands/convert.ts";
import { describeNames, groupNames } from "../../cli/screen/tensor_lists.ts";
import { runTask } from "./_tasks.ts";

const shape = {
  imageSize: 16,
  patchSize: 8,
  embedDim: 8,
  depth: 2,
  heads: 2,
  mlpRatio: 4,
  layerScaleInitValue: 0.1,
  usesAbsolutePositions: false,
  usesSharedRelativePositionBias: true,
  usesRelativePositionBias: false,
  classes: 3,
  codes: 5,
  headLayers: 1,
};

/** Writes a model of ours, without the tensors in `without`. */
async function writeModel(path: string, kind: ModelKind, without: string[] = []): Promise<void> {
  const tensors = [...expectedTensors(kind, shape)].filter(([name]) => !without.includes(name));
  await writeSafetensors(
    path,
    tensors.map(([name, shape], i) => {
      const data = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => i);
      return [name, { dtype: "F32", shape, data }] as const;
    }),
    { note: "two\nlines" },
  );
}

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-test-" });
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("names that differ in a number take one line", () => {
  const names = ["blocks.0.norm.weight", "head.2.bias", "blocks.1.norm.weight"];
  assert.deepEqual(groupNames(names), ["blocks.*.norm.weight ×2", "head.2.bias"]);
  assert.deepEqual(describeNames("missing", ["a"]), ["missing (1):", "  a"]);
  assert.deepEqual(describeNames("missing", []), []);
});

Deno.test("convert takes all targets and types of the library", () => {
  assert.deepEqual(convert.flags.to.choices, CONVERT_TARGETS);
  assert.deepEqual(convert.flags.dtype.choices, CONVERT_DTYPES);
});

Deno.test("convert says what became of the tensors", async () => {
  await withFolder(async (folder) => {
    const [model, timm] = [`${folder}/model.safetensors`, `${folder}/timm`];
    await writeModel(model, "pretrain", ["blocks.0.norm1.bias", "blocks.1.norm1.bias"]);
    const words = [model, timm, "--to", "timm"];
    const refused = await runTask("convert", words);
    assert.equal(refused.code, 2);
    assert.match(
      refused.stderr,
      /"blocks\.0\.norm1\.bias" and 1 more missing; .*--allow-missing\n$/,
    );
    assert.throws(() => Deno.statSync(timm), Deno.errors.NotFound);
    const { code, stdout, stderr } = await runTask("convert", [...words, "--allow-missing"]);
    assert.equal(stderr, "");
    assert.equal(code, 0);
    assert.match(stdout, /^unilm pretrain to timm: \d+ tensors\n/);
    assert.match(stdout, /^missing \(2\):\n {2}blocks\.\*\.norm1\.bias ×2$/m);
    assert.match(stdout, /^put aside \(\d+\):\n[\s\S]*lm_head\.weight$/m);
    assert.match(stdout, /^written \(3\):\n[\s\S]*config\.json$/m);
    const back = [timm, `${folder}/back.pth`, "--to", "unilm", "--json", "--allow-missing"];
    const report = JSON.parse((await runTask("convert", back)).stdout);
    assert.equal(report.from, "timm");
    assert.equal(report.kind, "pretrain");
    assert.deepEqual(report.missing, ["blocks.0.norm1.bias", "blocks.1.norm1.bias"]);
    assert.deepEqual(report.aside, []);
    const again = [`${folder}/back.pth`, `${folder}/again.safetensors`, "--to", "safetensors"];
    again.push("--allow-missing");
    const { stdout: dropped } = await runTask("convert", again);
    assert.match(dropped, /^dropped, computed from the window size \(1\):$/m);
  });
});

Deno.test("convert's mistakes are one line with exit code 2", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model.safetensors`;
    await writeModel(model, "pretrain");
    const mistakes: [words: string[], wanted: RegExp][] = [
      [[model, `${folder}/x`], /--to is missing; give --to and one of timm/],
      [[model, `${folder}/x`, "--to", "keras"], /keras/],
      [[model, `${folder}/x`, "--to", "timm", "--part", "tokenizer"], /it holds no tokenizer/],
      [[`${folder}/none.pth`, `${folder}/x`, "--to", "timm"], /there is no such file or model/],
      [["vqkd_encoder", `${folder}/x`, "--to", "unilm", "--offline"], /--offline is set/],
    ];
    for (const [words, wanted] of mistakes) {
      const { code, stdout, stderr } = await runTask("convert", words, { MIMIC_CACHE: folder });
      assert.equal(code, 2, words.join(" "));
      assert.equal(stdout, "");
      assert.match(stderr, /^error: [^\n]+\n$/);
      assert.match(stderr, wanted);
    }
  });
});

Deno.test("inspect shows model, metadata and tensors", async () => {
  await withFolder(async (folder) => {
    const model = `${folder}/model.safetensors`;
    await writeModel(model, "finetune");
    const { code, stdout } = await runTask("inspect", [model]);
    assert.equal(code, 0);
    assert.match(
      stdout,
      /^model\.safetensors: \w+ finetune, 2 blocks of width 8, patch 8, 16 px, 3/,
    );
    assert.match(stdout, /^metadata:\n {2}note: two lines$/m);
    assert.match(stdout, /^ {2}blocks\.1\.attn\.qkv\.weight +F32 +\[24, 8\]$/m);
    const found = JSON.parse((await runTask("inspect", [model, "--json"])).stdout);
    assert.equal(found.kind, "finetune");
    assert.equal(found.metadata.note, "two\nlines");
    assert.equal(found.tensors.length, [...expectedTensors("finetune", shape)].length);
  });
});

Deno.test("inspect answers unreadable and hostile files with one line and exit code 2", async () => {
  const files = [
    "README.md",
    "tests/fixtures/pth/none.pth",
    "tests/fixtures/pth/hostile/zip_os_system.pth",
    "tests/fixtures/pth/hostile/st_overlap.safetensors",
    "tests/fixtures/pth/hostile/zip_truncated_half.pth",
  ];
  for (const file of files) {
    const { code, stdout, stderr } = await runTask("inspect", [file]);
    assert.equal(code, 2, file);
    assert.equal(stdout, "");
    assert.match(stderr, /^error: Cannot [^\n]+\n$/);
  }
});

Deno.test("export writes ONNX, onto its own input too, and leaves nothing behind", async () => {
  await withFolder(async (folder) => {
    const [model, onnx] = [`${folder}/model.safetensors`, `${folder}/model.onnx`];
    await writeModel(model, "finetune");
    const { code, stdout } = await runTask("export", [model, onnx]);
    assert.equal(code, 0);
    assert.match(stdout, /model\.onnx: \S+ kB, SHA-256 [0-9a-f]{64}$/m);
    const features = JSON.parse(
      (await runTask("export", [model, model, "--output", "features", "--json"])).stdout,
    );
    assert.equal(features.bytes, Deno.statSync(model).size);
    await writeModel(model, "pretrain");
    const refused = await runTask("export", [model, onnx, "--output", "logits"]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^error: Cannot export logits to ONNX: [^\n]+\n$/);
    const nowhere = await runTask("export", [model, folder]);
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /^error: Cannot write "[^"]+"[^\n]*\n$/);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(left, ["model.onnx", "model.safetensors"]);
  });
});

Deno.test("docs/checkpoints.md has every target and every card with its licence and digest", () => {
  const page = Deno.readTextFileSync(new URL("../../docs/checkpoints.md", import.meta.url));
  for (const target of CONVERT_TARGETS) assert.ok(page.includes(`| \`${target}\``), target);
  for (const { name, licence, sha256 } of MODEL_CARDS) {
    const row = page.split("\n").find((line) => line.startsWith(`| \`${name}\` `));
    assert.ok(row, name);
    assert.ok(row.includes(` ${licence} `), name);
    assert.ok(row.includes(sha256 === null ? " not known " : `\`${sha256}…\``), name);
  }
});
