import assert from "node:assert/strict";
import { runTask } from "../_tasks.ts";
import { withFolder, writeModel } from "./_models.ts";

Deno.test("export writes ONNX, alone or in a folder, and leaves nothing behind", async () => {
  await withFolder(async (folder) => {
    const [model, onnx] = [`${folder}/model.safetensors`, `${folder}/model.onnx`];
    await writeModel(model, "finetune");
    const { code, stdout } = await runTask("export", [model, onnx]);
    assert.equal(code, 0);
    assert.match(stdout, /model\.onnx: \S+ kB, SHA-256 [0-9a-f]{64}$/m);
    const hub = JSON.parse((await runTask("export", [model, `${folder}/hub`, "--json"])).stdout);
    assert.deepEqual(
      hub.variants.map(({ file }: { file: string }) => file),
      ["onnx/model.onnx", "onnx/model_fp16.onnx", "onnx/model_quantized.onnx"],
    );
    await writeModel(model, "pretrain");
    const refused = await runTask("export", [model, onnx, "--output", "logits"]);
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /^error: Cannot export logits to ONNX: [^\n]+\n$/);
    const nowhere = await runTask("export", [model, model]);
    assert.equal(nowhere.code, 2);
    assert.match(nowhere.stderr, /^error: Cannot write "[^"]+"[^\n]*\n$/);
    const left = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
    assert.deepEqual(left, ["hub", "model.onnx", "model.safetensors"]);
  });
});
