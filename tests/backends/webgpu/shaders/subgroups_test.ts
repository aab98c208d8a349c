import assert from "node:assert/strict";
import { formatConformance, runConformance } from "../../../../backends/conformance.ts";
import { openDevice, requestAdapter } from "../../../../backends/webgpu/adapter.ts";
import { createWebgpuBackend } from "../../../../backends/webgpu/mod.ts";
import { findSubgroups, subgroupText } from "../../../../backends/webgpu/shaders/subgroups.ts";
import { hasAdapter } from "../_adapter.ts";
import { webgpuTest } from "../_backend.ts";
import { smallConfig, Trainee } from "../_trainee.ts";

/** Parameters after two steps, and how many threads are a subgroup. */
async function train(subgroups: boolean) {
  const backend = await createWebgpuBackend({ subgroups });
  try {
    const trainee = new Trainee(backend, "float32", { config: smallConfig, batch: 2 });
    for (let step = 0; step < 2; step++) await trainee.step(step);
    const values = await Promise.all(trainee.parameters.map(({ value }) => value.data()));
    return { size: backend.subgroupSize, values };
  } finally {
    await backend.dispose();
  }
}

const gpuTest = (name: string, fn: () => Promise<void>) =>
  Deno.test({ name, fn, ignore: !hasAdapter, sanitizeOps: false, sanitizeResources: false });

gpuTest("steps are bitwise the same with subgroups and without", async () => {
  const [plain, fast] = [await train(false), await train(true)];
  assert.equal(plain.size, null);
  const { info } = await requestAdapter();
  if (/llvmpipe/.test(info.description)) assert.equal(fast.size, 8);
  assert.deepEqual(fast.values, plain.values);
});

webgpuTest("every kernel that reduces conforms without subgroups", async (backend) => {
  assert.equal(backend.subgroupSize, null);
  const reducing =
    /^(layerNorm|residual|linearCrossEntropy|cosineLoss|l2Normalize|nearestCode|emaCodebookUpdate|adamW|assembleTokens)$/;
  const results = await runConformance(backend, { filter: ({ op }) => reducing.test(op) });
  const failures = results.filter(({ status }) => status === "failed");
  assert.equal(failures.length, 0, `\n${formatConformance(failures)}`);
  assert.ok(results.filter(({ status }) => status === "passed").length > 20);
}, { subgroups: false });

gpuTest(
  "subgroups whose threads are not neighbours, or that do not compile, are not used",
  async () => {
    const adapter = await requestAdapter();
    const device = await openDevice(adapter);
    const info = { ...adapter.info, subgroupMinSize: 8 } as unknown as GPUAdapterInfo;
    const original = device.createShaderModule.bind(device);
    for (const [given, instead] of [["distance)", "distance / 2u)"], ["Xor(", "Xxx("]]) {
      device.createShaderModule = (descriptor) =>
        original({ ...descriptor, code: descriptor.code.replaceAll(given, instead) });
      assert.equal(await findSubgroups(device, info), null);
    }
    const none = { ...adapter.info, subgroupMinSize: 4 } as unknown as GPUAdapterInfo;
    assert.equal(await findSubgroups(device, none), null);
    device.destroy();
  },
);

gpuTest("a device opens without subgroups if the adapter refuses them", async () => {
  const adapter = await requestAdapter();
  const asked: (readonly string[])[] = [];
  const original = adapter.requestDevice.bind(adapter);
  adapter.requestDevice = (descriptor) => {
    const features = [...descriptor!.requiredFeatures!] as string[];
    asked.push(features);
    return features.includes("subgroups")
      ? Promise.reject(new TypeError("unknown feature"))
      : original(descriptor);
  };
  const device = await openDevice(adapter);
  assert.deepEqual(asked.map((features) => features.includes("subgroups")), [true, false]);
  assert.equal(await findSubgroups(device, adapter.info), null);
  device.destroy();
});

Deno.test("without subgroups a thread is one of its own", () => {
  assert.match(subgroupText(null), /const SUBGROUP = 1u;/);
  assert.doesNotMatch(subgroupText(null), /subgroupShuffle/);
});
