import assert from "node:assert/strict";
import type { Precision } from "../../../backends/backend.ts";
import { createWebgpuBackend } from "../../../backends/webgpu/mod.ts";
import { vitBase } from "../../../models/beit_config.ts";
import { hasAdapter } from "./_adapter.ts";
import { smallConfig, Trainee } from "./_trainee.ts";

const { depth, earlyLayers, headLayers } = vitBase;
const config = { ...smallConfig, imageSize: 16, patchSize: 4, depth, earlyLayers, headLayers };

/** The most bytes of buffers in use at once in a step. */
async function peakOf(precision: Precision, batch: number): Promise<number> {
  const backend = await createWebgpuBackend();
  try {
    await new Trainee(backend, precision, { config, batch }).step(0);
    return backend.memory().peakBytes!;
  } finally {
    await backend.dispose();
  }
}

/** What further images add: the weights and their moments are float32 in either precision. */
async function activationsOf(precision: Precision): Promise<number> {
  return await peakOf(precision, 96) - await peakOf(precision, 32);
}

Deno.test({
  name: "an image more takes at most 0.55 of the memory in float16, in a model as deep as ViT-B",
  ignore: !hasAdapter,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const [full, half] = [await activationsOf("float32"), await activationsOf("float16")];
    assert.ok(half / full <= 0.55, `${half} of ${full} bytes, ${half / full}`);
  },
});
