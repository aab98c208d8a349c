import assert from "node:assert/strict";
import { expectedTensors } from "../../../checkpoints/formats/expected_tensors.ts";
import { runTask } from "../_tasks.ts";
import { shape, withFolder, writeModel } from "./_models.ts";

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

Deno.test("inspect shows what an ONNX model takes and gives, and what it could teach", async () => {
  const fixtures = "tests/fixtures/onnx";
  const { code, stdout } = await runTask("inspect", [`${fixtures}/cnn.onnx`]);
  assert.equal(code, 0);
  for (
    const line of [
      "takes images: [batch, 3, height, width]",
      "gives coarse: [batch, 10, h8, w8]",
      "as a teacher for tokenizers: images of any size into images, normalised by ImageNet's " +
      "statistics, for want of others",
      "  fine: a map of 6 features by place",
    ]
  ) assert.ok(stdout.split("\n").includes(line), `${line}\n${stdout}`);
  const inFolder = JSON.parse((await runTask("inspect", [`${fixtures}/dinov2`, "--json"])).stdout);
  assert.deepEqual(inFolder.teacher.chosen, ["last_hidden_state"]);
  assert.deepEqual(inFolder.teacher.preparation.mean, [0.4, 0.5, 0.6]);
  const exported = JSON.parse(
    (await runTask("inspect", [`${fixtures}/clip.onnx`, "--json"])).stdout,
  );
  assert.deepEqual([exported.teacher.size, exported.teacher.batch], [32, 1]);
  assert.deepEqual(exported.teacher.preparation.deviation, [0.5, 0.5, 0.5]);
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
