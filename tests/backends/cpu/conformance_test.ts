/**
 * The public conformance cases on WebAssembly kernels; `tests/backends/conformance_test.ts` runs them on
 * whatever provider is chosen by itself.
 */

import assert from "node:assert/strict";
import { formatConformance, runConformance } from "../../../backends/conformance.ts";
import { createCpuBackend } from "../../../backends/cpu/mod.ts";

Deno.test("cpu with WebAssembly kernels conforms", async () => {
  const backend = await createCpuBackend({ threads: 2, provider: "wasm" });
  const results = await runConformance(backend);
  await backend.dispose();
  const failed = results.filter(({ status }) => status === "failed");
  assert.equal(failed.length, 0, `\n${formatConformance(failed)}`);
  assert.ok(results.some(({ status }) => status === "passed"));
});
