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
