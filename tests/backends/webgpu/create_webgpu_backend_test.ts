import assert from "node:assert/strict";
import { tf } from "../../../deps/tfjs.ts";
import { requestAdapter, summarizeAdapter } from "../../../backends/webgpu/mod.ts";
import { UserError } from "../../../core/errors.ts";
import { webgpuTest } from "./_backend.ts";
import { dawnTest, resultOf } from "./dawn/_with_dawn.ts";

webgpuTest("runs tfjs ops on its own device and restores the active backend", async (backend) => {
  const engine = tf.engine() as unknown as { backendName: string | null };
  const before = engine.backendName;
  const product = backend.run(() => tf.matMul([[1, 2], [3, 4]], [[5, 6], [7, 8]]));
  assert.equal(engine.backendName, before);
  assert.deepEqual([...await product.data()], [19, 22, 43, 50]);
  product.dispose();
});

webgpuTest("gradients of tfjs ops work on it", async (backend) => {
  const gradient = backend.run(() => tf.grad((x) => tf.sum(tf.square(x)))(tf.tensor([1, -2, 3])));
  assert.deepEqual([...await gradient.data()], [2, -4, 6]);
});

webgpuTest("counts its own tensors and frees their buffers", async (backend) => {
  const before = backend.memory();
  const tensor = backend.run(() => tf.mul(tf.ones([64, 64]), 2));
  await backend.sync();
  assert.ok(backend.memory().tensors > before.tensors);
  assert.ok(backend.memory().bytes >= before.bytes + 64 * 64 * 4);
  tensor.dispose();
  const after = backend.memory();
  assert.ok(after.reservedBytes >= 64 * 64 * 4);
});

webgpuTest("a tensor larger than one binding is refused by its shape", (backend) => {
  const rows = Math.floor(backend.capabilities.maxBufferBytes / 4 / 1024) + 1;
  assert.throws(
    () => backend.run(() => tf.fill([rows, 1024], 1)),
    (error) => error instanceof UserError && /micro-batch/.test(error.message),
  );
  return Promise.resolve();
});

webgpuTest("describes the adapter and tells software from hardware", async (backend) => {
  const summary = summarizeAdapter(await requestAdapter());
  assert.equal(summary.description, backend.capabilities.description);
  if (/llvmpipe|SwiftShader/.test(summary.description)) assert.equal(summary.isSoftware, true);
  assert.ok(summary.limits.maxComputeInvocationsPerWorkgroup >= 256);
});

Deno.test("powerPreference is what the adapter is asked for", async () => {
  const asked: (string | undefined)[] = [];
  const gpu = {
    requestAdapter(options: GPURequestAdapterOptions) {
      asked.push(options.powerPreference);
      return Promise.resolve(null);
    },
  };
  const own = Object.getOwnPropertyDescriptor(navigator, "gpu");
  Object.defineProperty(navigator, "gpu", { value: gpu, configurable: true });
  try {
    await assert.rejects(requestAdapter({ powerPreference: "low-power" }), /no WebGPU adapter/);
    await assert.rejects(requestAdapter(), /no WebGPU adapter/);
  } finally {
    if (own === undefined) delete (navigator as { gpu?: unknown }).gpu;
    else Object.defineProperty(navigator, "gpu", own);
  }
  assert.deepEqual(asked, ["low-power", "high-performance"]);
});

interface Conformance {
  readonly notes: readonly string[];
  readonly usesUnits: Readonly<
    Record<"products" | "attention", { readonly forward: boolean; readonly backward: boolean }>
  >;
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

const [all, none] = [true, false].map((uses) => {
  const both = { forward: uses, backward: uses };
  return { products: both, attention: both };
});

/**
 * Cases that use every kernel on matrix units: others take the processor's compiler too long. `MIMIC_DAWN` is
 * another pattern, `.` for every case there is.
 */
const pattern = Deno.env.get("MIMIC_DAWN") ?? [
  "^linear \\[394,128\\].* float16$",
  "^linear gelu, no bias \\[3,5,8\\].* float16$",
  "^attention 3 heads \\[2,65,144\\].* float16$",
].join("|");

dawnTest("products and attention conform on matrix units and without", async () => {
  const { withUnits, without } = await resultOf<Record<"withUnits" | "without", Conformance>>(
    "_conforms.ts",
    [pattern],
  );
  assert.deepEqual(withUnits.notes, []);
  assert.deepEqual(withUnits.usesUnits, all);
  assert.deepEqual(without.usesUnits, none);
  for (const { failed } of [withUnits, without]) assert.deepEqual(failed, []);
  assert.ok(withUnits.passed.length >= 3);
  assert.deepEqual(withUnits.passed, without.passed);
});

dawnTest(
  "broken kernels on matrix units are set aside and named, and the work goes on",
  async () => {
    const { withUnits } = await resultOf<{ withUnits: Conformance }>("_conforms.ts", [
      pattern,
      "break",
    ]);
    assert.deepEqual(withUnits.usesUnits, none);
    const what = withUnits.notes.map((note) =>
      note.match(/^matrix units are not used for (.*) \(.*values of .* are wrong$/)?.[1]
    );
    assert.deepEqual(what, [
      "products",
      "gradients of products",
      "attention",
      "gradients of attention",
    ]);
    assert.deepEqual(withUnits.failed, []);
    assert.ok(withUnits.passed.length >= 3);
  },
);
