import assert from "node:assert/strict";
import { runTask } from "../_tasks.ts";
import { withFolder, writeModel } from "./_models.ts";

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
