import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession, Tensor } from "../../../../deps/onnxruntime_test.ts";
import { convertCheckpoint } from "../../../../checkpoints/convert.ts";
import { describeInspection, inspectFile } from "../../../../checkpoints/inspect.ts";
import { exportOnnxFile } from "../../../../checkpoints/onnx/export_onnx.ts";
import { openSafetensors } from "../../../../checkpoints/safetensors/safetensors.ts";
import { toFloat32 } from "../../../../checkpoints/tensors/tensor_data.ts";
import { UserError } from "../../../../core/errors.ts";
import { withFolder } from "../../../tasks/_tiny.ts";

const MODELS = new URL("../../../fixtures/models/", import.meta.url);
const NAMES = [...Deno.readDirSync(MODELS)].map(({ name }) => name).sort();
const folderOf = (name: string) => decodeURIComponent(new URL(name, MODELS).pathname);

async function expectedOf(name: string): Promise<Map<string, Float32Array>> {
  const file = await openSafetensors(join(folderOf(name), "expected.safetensors"));
  const found = new Map<string, Float32Array>();
  for (const key of file.names()) found.set(key, toFloat32(await file.read(key)));
  file.close();
  return found;
}

async function run(path: string, images: Float32Array): Promise<Record<string, Float32Array>> {
  const session = await InferenceSession.create(await Deno.readFile(path));
  const found = await session.run({ images: new Tensor("float32", images, [2, 3, 8, 8]) });
  await session.release();
  return Object.fromEntries(
    Object.entries(found).map(([name, { data }]) => [name, data as Float32Array]),
  );
}

function assertClose(found: Float32Array, wanted: Float32Array): void {
  assert.equal(found.length, wanted.length);
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
  assert(worst <= 2e-5, `largest difference ${worst}`);
}

for (const name of NAMES) {
  Deno.test(`${name} as ONNX gives what its library gives`, () =>
    withFolder(async (folder) => {
      const path = join(folder, "model.onnx");
      const expected = await expectedOf(name);
      const images = expected.get("images")!;
      const logits = expected.get("logits");
      await exportOnnxFile(folderOf(name), path);
      const found = await run(path, images);
      if (logits !== undefined) return assertClose(found.logits, logits);
      const targets = expected.get("targets");
      // Without a projection the teacher's targets are the normalised patches.
      if (targets === undefined || name === "hf_clip") return;
      const tokens = found.tokens.length / 32;
      const patches = [0, 1].flatMap((image) => {
        const end = (image + 1) * tokens * 16;
        return [...found.tokens.subarray(end - 4 * 16, end)];
      });
      assertClose(Float32Array.from(patches), targets);
    }));
}

Deno.test("an exported file names classes and preparation as timm's export does; inspect reads it", () =>
  withFolder(async (folder) => {
    const [onnx, timm] = [join(folder, "model.onnx"), join(folder, "timm")];
    await exportOnnxFile(folderOf("timm_beit_mean"), onnx);
    await convertCheckpoint(folderOf("timm_beit_mean"), timm, { to: "timm" });
    const found = await inspectFile(onnx);
    const config = JSON.parse(await Deno.readTextFile(join(timm, "config.json")));
    assert.equal(Number(found.metadata.crop_pct), config.pretrained_cfg.crop_pct);
    assert.equal(found.metadata.mean, config.pretrained_cfg.mean.join(","));
    assert.equal(found.metadata.interpolation, config.pretrained_cfg.interpolation);
    assert.deepEqual(JSON.parse(found.metadata.classes), config.label_names);
    assert.equal(found.container, "onnx");
    assert.deepEqual(found.graph, {
      producer: "mimic",
      opset: 17,
      inputs: [{ name: "images", shape: ["batch", 3, 8, 8], dtype: "F32" }],
      outputs: [{ name: "logits", shape: ["batch", 3], dtype: "F32" }],
    });
    const cls = found.tensors.find(({ name }) => name === "cls_token");
    assert.deepEqual(cls, { name: "cls_token", dtype: "F32", shape: [1, 1, 16] });
    assert.match(describeInspection(found), /^model\.onnx: onnx, \d+ tensors, \d+ parameters/);
  }));

Deno.test("a file that is no whole ONNX is refused in one line", () =>
  withFolder(async (folder) => {
    const path = join(folder, "model.onnx");
    await exportOnnxFile(folderOf("hf_vit"), path);
    const whole = await Deno.readFile(path);
    for (
      const bytes of [
        whole.subarray(0, whole.length / 2),
        whole.subarray(0, 30),
        new Uint8Array(64).fill(0xff),
        new TextEncoder().encode("no model at all"),
        new Uint8Array(),
      ]
    ) {
      await Deno.writeFile(path, bytes);
      await assert.rejects(inspectFile(path), (error: Error) => {
        assert(error instanceof UserError, `${error.name}: ${error.message}`);
        assert.match(error.message, /^Cannot read ".*model\.onnx": [^\n]*$/);
        return true;
      });
    }
  }));
