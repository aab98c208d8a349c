/** Whether tile registers are used, on processors that have them and on others. */

import assert from "node:assert/strict";
import { formatConformance, runConformance } from "../../../../backends/conformance.ts";
import { createCpuBackend } from "../../../../backends/cpu/mod.ts";
import { openNativeHost } from "../../../../backends/cpu/providers/native/executable_memory_ffi.ts";
import { vectorSupport } from "../../../../backends/cpu/providers/native/processor_ffi.ts";
import { UserError } from "../../../../core/errors.ts";

const host = openNativeHost();
const support = typeof host === "string" ? null : vectorSupport(host);
const hasTiles = support?.hasTiles ?? false;

Deno.test({
  name: "without AMX: tiles are refused with the reason",
  ignore: support === null || hasTiles,
  async fn() {
    await assert.rejects(
      createCpuBackend({ threads: 1, provider: "native-amx" }),
      (error) =>
        error instanceof UserError &&
        /"native-amx": no tile registers \(AMX\)/.test(error.message),
    );
  },
});

Deno.test({
  name: "a system that does not know tiles, or refuses them, gives a reason",
  ignore: typeof host === "string",
  fn() {
    if (typeof host === "string") return;
    const reason = host.askForTiles();
    assert.equal(reason === null, hasTiles);
    assert.equal(host.askForTiles(), reason);
  },
});

Deno.test({
  name:
    "with AMX (amx_bf16 in /proc/cpuinfo): every op conforms on tiles, on one thread and on three",
  ignore: !hasTiles,
  async fn() {
    for (const threads of [1, 3]) {
      const backend = await createCpuBackend({
        threads,
        provider: "native-amx",
        sharedWork: 1,
      });
      assert.match(backend.capabilities.description, /AMX/);
      const results = await runConformance(backend);
      const failures = results.filter(({ status }) => status === "failed");
      assert.equal(failures.length, 0, `\n${formatConformance(failures)}`);
      await backend.dispose();
    }
  },
});
