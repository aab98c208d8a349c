/** Every fused kernel on every conformance case, divided over threads. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Backend } from "../../../../backends/backend.ts";
import { runConformance } from "../../../../backends/conformance.ts";
import { createCpuBackend } from "../../../../backends/cpu/mod.ts";
import type { Kernels } from "../../../../backends/kernels.ts";
import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import { availableProviders } from "../_providers.ts";

type Work = (values: unknown) => unknown;

function tensorsIn(value: unknown): Tensor[] {
  if (value instanceof tf.Tensor) return [value as Tensor];
  if (typeof value !== "object" || value === null) return [];
  return Object.values(value).flatMap(tensorsIn);
}

/** The same backend, which notes what each call of a kernel has left in its arguments and results. */
function recording(backend: Backend, note: (kernel: string, hash: string) => void): Backend {
  const record = (name: string, work: Work): Work => (values) => {
    const result = work(values);
    const hash = createHash("sha256");
    for (const tensor of tensorsIn([values, result])) {
      const { buffer, byteOffset, byteLength } = tensor.dataSync() as Float32Array;
      hash.update(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
    }
    note(name, hash.digest("hex"));
    return result;
  };
  const kernels = Object.entries(backend.kernels).map(([name, kernel]) => {
    if (typeof kernel === "function") return [name, record(name, kernel as Work)];
    const methods = Object.entries(kernel as unknown as Record<string, Work>);
    return [
      name,
      Object.fromEntries(methods.map(([m, work]) => [m, record(`${name} ${m}`, work)])),
    ];
  });
  return {
    name: backend.name,
    capabilities: backend.capabilities,
    kernels: Object.fromEntries(kernels) as Kernels,
    run: (work) => backend.run(work),
    sync: () => backend.sync(),
    memory: () => backend.memory(),
    dispose: () => backend.dispose(),
  };
}

Deno.test("results are the same bits for any number of threads", async (t) => {
  for (const provider of await availableProviders()) {
    const evaluateAll = async (threads: number) => {
      const backend = await createCpuBackend({ threads, provider, sharedWork: 0 });
      const calls: string[] = [];
      const noted = recording(backend, (kernel, hash) => calls.push(`${kernel} ${hash}`));
      const failed = (await runConformance(noted)).filter(({ status }) => status === "failed");
      assert.deepEqual(failed, []);
      const called = new Set(calls.map((call) => call.slice(0, call.search(/ |$/))));
      assert.deepEqual([...called].sort(), Object.keys(backend.kernels).sort());
      await backend.dispose();
      return calls;
    };
    await t.step(provider, async () => {
      const expected = await evaluateAll(1);
      assert.deepEqual(await evaluateAll(2), expected);
      assert.deepEqual(await evaluateAll(3), expected);
    });
  }
});
