import assert from "node:assert/strict";
import { createCpuBackend } from "../../../backends/cpu/mod.ts";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { tf } from "../../../deps/tfjs.ts";

Deno.test("backends that start at the same time keep apart, and none stays the active one", async () => {
  await tf.setBackend("cpu");
  const backends = await Promise.all([
    createReferenceBackend(),
    createCpuBackend({ threads: 1, provider: "wasm" }),
    createReferenceBackend(),
  ]);
  assert.equal(tf.getBackend(), "cpu");
  const tensors = backends.map((backend, index) => backend.run(() => tf.ones([index + 1])));
  assert.deepEqual(backends.map((backend) => backend.memory().tensors), [1, 1, 1]);
  tf.dispose(tensors);
  for (const backend of backends) await backend.dispose();
});
