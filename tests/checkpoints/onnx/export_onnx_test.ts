import assert from "node:assert/strict";
import { join } from "node:path";
import { InferenceSession, Tensor } from "../../../deps/onnxruntime_test.ts";
import { UserError } from "../../../core/errors.ts";
import { adaptPositions } from "../../../checkpoints/formats/adapt_positions.ts";
import { expectedTensors } from "../../../checkpoints/formats/expected_tensors.ts";
import {
  inferShape,
  type ModelKind,
  type ModelShape,
} from "../../../checkpoints/formats/model_shape.ts";
import { reasonToDrop } from "../../../checkpoints/formats/model_format.ts";
import {
  exportOnnx,
  exportOnnxFile,
  type OnnxModel,
} from "../../../checkpoints/onnx/export_onnx.ts";
import type { OnnxPrecision } from "../../../checkpoints/onnx/graph_builder.ts";
import { openSafetensors } from "../../../checkpoints/safetensors/safetensors.ts";
import { writeSafetensors } from "../../../checkpoints/safetensors/safetensors_writer.ts";
import {
  type TensorData,
  type TensorMap,
  toFloat32,
} from "../../../checkpoints/tensors/tensor_data.ts";

const FIXTURES = new URL("../../fixtures/parity/", import.meta.url);

/** The model of a fixture, and its other tensors. */
async function fixture(
  name: string,
  kind: ModelKind,
  known: Partial<ModelShape> = {},
): Promise<{ model: OnnxModel; values: Map<string, TensorData> }> {
  const file = await openSafetensors(new URL(`${name}.safetensors`, FIXTURES));
  const tensors: TensorMap = new Map();
  const values = new Map<string, TensorData>();
  for (const key of file.names()) {
    const tensor = await file.read(key);
    if (!key.startsWith("param.")) values.set(key, tensor);
    else if (!reasonToDrop(key.slice(6))) {
      tensors.set(key.slice(6), { ...tensor, read: () => tensor });
    }
  }
  file.close();
  return { model: { kind, shape: inferShape(tensors, kind, known), tensors }, values };
}

/** Exports and runs a model. */
async function run(
  model: OnnxModel,
  images: TensorData,
  output?: "logits" | "features",
  precision?: OnnxPrecision,
): Promise<Record<string, Float32Array>> {
  const path = await Deno.makeTempFile({ suffix: ".onnx" });
  const written = await exportOnnx(model, path, { output, precision });
  const bytes = await Deno.readFile(path);
  assert.equal(bytes.length, written.bytes);
  await Deno.remove(path);
  const session = await InferenceSession.create(bytes);
  const input = new Tensor("float32", toFloat32(images), [...images.shape]);
  const found = await session.run({ images: input });
  await session.release();
  return Object.fromEntries(
    Object.entries(found).map(([name, { data }]) => [name, data as Float32Array]),
  );
}

function assertClose(found: Float32Array, wanted: Float32Array, tolerance: number): void {
  assert.equal(found.length, wanted.length);
  const worst = found.reduce((most, value, i) => Math.max(most, Math.abs(value - wanted[i])), 0);
  assert(worst <= tolerance, `largest difference ${worst}`);
}

Deno.test("an exported classifier gives the reference's logits in onnxruntime", async () => {
  const { model, values } = await fixture("finetune", "finetune");
  for (const batch of ["mixup", "cutmix"]) {
    const { logits } = await run(model, values.get(`${batch}.images`)!);
    assertClose(logits, toFloat32(values.get(`${batch}.logits`)!), 2e-6);
  }
});

Deno.test("logits in float16 and 8 bits differ from the reference's by their rounding, and do differ", async () => {
  const { model, values } = await fixture("finetune", "finetune");
  const wanted = toFloat32(values.get("mixup.logits")!);
  const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  for (const [precision, share] of [["float16", 2e-3], ["int8", 3e-2]] as const) {
    const { logits } = await run(model, values.get("mixup.images")!, "logits", precision);
    assertClose(logits, wanted, share * largest);
    assert.throws(() => assertClose(logits, wanted, share * largest / 100), precision);
  }
});

Deno.test("an exported tokenizer encoder gives the reference's features", async () => {
  for (const name of ["vqkd_a", "vqkd_b"]) {
    const { config } = JSON.parse(await Deno.readTextFile(new URL(`${name}.json`, FIXTURES)));
    const { model, values } = await fixture(name, "tokenizer", { heads: config.heads });
    const { tokens } = await run(model, values.get("out.preprocessed")!);
    const wanted = toFloat32(values.get("out.encoder_features")!);
    const { embedDim } = model.shape;
    const count = (model.shape.imageSize / model.shape.patchSize) ** 2;
    const patches = new Float32Array(wanted.length);
    // The reference gives the patch tokens alone, [B, N, C].
    for (let b = 0; b < wanted.length / count / embedDim; b++) {
      const start = (b * (count + 1) + 1) * embedDim;
      patches.set(tokens.subarray(start, start + count * embedDim), b * count * embedDim);
    }
    assertClose(patches, wanted, 5e-6);
  }
});

Deno.test("a shared relative-position table exports to the same features as its copies", async () => {
  const { model, values } = await fixture("mim_forward_a", "pretrain");
  const images = values.get("input.images")!;
  const shared = await run(model, images);
  const expanded = adaptPositions(model.tensors, model.shape, { usesRelativePositionBias: true });
  const copied = await run({ kind: "pretrain", ...expanded }, images);
  assert.deepEqual(shared, copied);
  assert.equal(shared.pooled.length, images.shape[0] * model.shape.embedDim);
  const none = { ...model.shape, usesSharedRelativePositionBias: false };
  const without = await run({ ...model, shape: none }, images);
  assert.notDeepEqual(shared.pooled, without.pooled);
});

Deno.test("exportOnnxFile() opens any checkpoint and says what it cannot do", async () => {
  const folder = await Deno.makeTempDir();
  const { model, values } = await fixture("mim_forward_a", "pretrain");
  const path = join(folder, "model.safetensors");
  await writeSafetensors(path, model.tensors);
  await exportOnnxFile(path, join(folder, "model.onnx"));
  const session = await InferenceSession.create(await Deno.readFile(join(folder, "model.onnx")));
  assert.deepEqual(session.outputNames, ["tokens", "pooled"]);
  await session.release();
  assert(values.size > 0);
  await assert.rejects(
    exportOnnxFile(path, join(folder, "no.onnx"), { output: "logits" }),
    (error: unknown) => error instanceof UserError && /has no classes/.test(error.message),
  );
  const missing = new Map(model.tensors);
  missing.delete("blocks.1.mlp.fc1.bias");
  await writeSafetensors(path, missing);
  await assert.rejects(
    exportOnnxFile(path, join(folder, "no.onnx")),
    /"blocks.1.mlp.fc1.bias" missing/,
  );
  await Deno.remove(folder, { recursive: true });
});

Deno.test("expectedTensors() lists exactly what the fixtures have", async () => {
  const { model } = await fixture("mim_forward_b", "pretrain");
  const expected = expectedTensors("pretrain", model.shape);
  assert.deepEqual([...model.tensors.keys()].sort(), [...expected.keys()].sort());
});
