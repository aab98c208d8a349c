import assert from "node:assert/strict";
import type { Precision } from "../../../backends/backend.ts";
import { createWebgpuBackend } from "../../../backends/webgpu/mod.ts";
import { vitBase } from "../../../models/beit_config.ts";
import { largestActivationBytes } from "../../../pipeline/engine/planning/plan.ts";
import { mostSharedSteps } from "../../../pipeline/engine/training/step_reader.ts";
import { pretrain } from "../../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";
import { hasAdapter } from "./_adapter.ts";
import { webgpuTest } from "./_backend.ts";
import { smallConfig, Trainee } from "./_trainee.ts";

/** What `work` binds, by the size of the part of the buffer. */
async function bindingsOf(work: () => Promise<void>): Promise<Set<number>> {
  const sizes = new Set<number>();
  const original = GPUDevice.prototype.createBindGroup;
  GPUDevice.prototype.createBindGroup = function (this: GPUDevice, descriptor) {
    for (const { resource } of descriptor.entries) {
      const { buffer, size } = resource as GPUBufferBinding;
      sizes.add(size ?? buffer.size);
    }
    return original.call(this, descriptor);
  };
  try {
    await work();
  } finally {
    GPUDevice.prototype.createBindGroup = original;
  }
  return sizes;
}

webgpuTest("a step as wide as ViT-B/16 at 224 px binds no more than 128 MiB", async (backend) => {
  // One block and the head: all kernels, with the sizes that the others would repeat.
  const config = { ...vitBase, depth: 1, earlyLayers: 1, headLayers: 0 };
  const trainee = new Trainee(backend, "float32", { config, batch: 1 });
  const sizes = await bindingsOf(async () => void await trainee.step(0));
  assert.ok(Math.max(...sizes) <= 2 ** 27, `${Math.max(...sizes)} bytes`);
  // What grows with the batch is bounded by the choice of the micro-batch.
  const model = { ...config, parameters: 0, frozenParameters: 0, tokens: 197, blocks: 1 };
  const largest = largestActivationBytes(model, 1);
  assert.ok(sizes.has(largest), `${largest} bytes are bound`);
  const parameterBytes = new Set(trainee.parameters.map(({ value }) => value.size * 4));
  const larger = [...sizes].filter((size) => size > largest && !parameterBytes.has(size));
  const logits = 6 * config.codes * 4;
  assert.deepEqual(larger.filter((size) => size !== logits && size < 2 ** 24), []);
});

webgpuTest(
  "steps in mixed precision read at most one small tensor each, and wait for nothing else",
  async (backend) => {
    await withFolder(async (folder) => {
      const tokenizer = await writeTinyTokenizer(folder);
      const reads: number[] = [];
      const original = GPUBuffer.prototype.mapAsync;
      const { onSubmittedWorkDone } = GPUQueue.prototype;
      let waits = 0;
      const run = async (steps: number) => {
        const config = await tinyConfig(tokenizer, ["precision=amp", `schedule.maxSteps=${steps}`]);
        const scales: number[] = [];
        await pretrain(config, {
          backend,
          listener: (event) => {
            if (event.type === "step") scales.push(event.metrics.lossScale);
          },
        });
        return scales;
      };
      await run(2);
      GPUBuffer.prototype.mapAsync = function (this: GPUBuffer, ...rest) {
        reads.push(this.size);
        return original.call(this, ...rest);
      };
      GPUQueue.prototype.onSubmittedWorkDone = function (this: GPUQueue) {
        waits++;
        return onSubmittedWorkDone.call(this);
      };
      let scales: number[];
      try {
        scales = await run(6);
      } finally {
        GPUBuffer.prototype.mapAsync = original;
        GPUQueue.prototype.onSubmittedWorkDone = onSubmittedWorkDone;
      }
      assert.ok(scales.every((scale) => scale > 1), "the loss was not scaled");
      assert.equal(scales.length, 6);
      assert.ok(reads.length <= 6, `${reads.length} reads`);
      assert.equal(waits, 0);
      assert.ok(Math.max(...reads) < 256 * mostSharedSteps, `${reads} bytes`);
    });
  },
);

const { depth, earlyLayers, headLayers } = vitBase;
const deepConfig = { ...smallConfig, imageSize: 16, patchSize: 4, depth, earlyLayers, headLayers };

/** The most bytes of buffers in use at once in a step. */
async function peakOf(precision: Precision, batch: number): Promise<number> {
  const backend = await createWebgpuBackend();
  try {
    await new Trainee(backend, precision, { config: deepConfig, batch }).step(0);
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
