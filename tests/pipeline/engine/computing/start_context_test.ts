import assert from "node:assert/strict";
import { resolveConfig } from "../../../../methods/configs.ts";
import type { Computation } from "../../../../pipeline/engine/computing/computation.ts";
import { startContext } from "../../../../pipeline/engine/computing/start_context.ts";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";

/** Starts a context for a run that computed like this before; gives what it computes with. */
async function startAfter(before: Computation | null, overrides: readonly string[] = []) {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: ["backend.name=cpu", "backend.threads=1", "precision=float32", ...overrides],
  });
  const events: RunEvent[] = [];
  const { backend, precision } = await startContext(
    config,
    {},
    (event) => void events.push(event),
    { before },
  );
  await backend.dispose();
  return {
    provider: backend.capabilities.kernels?.provider,
    precision,
    warnings: events.flatMap((event) => event.type === "warning" ? [event.message] : []),
  };
}

const onCpu = { backend: "cpu", precision: "float32" } as const;

Deno.test("a resumed run keeps its kernels, whatever is fastest", async () => {
  const kept = await startAfter({ ...onCpu, provider: "wasm" });
  assert.deepEqual(kept, { provider: "wasm", precision: "float32", warnings: [] });
});

Deno.test("kernels that are not available here are replaced, and that is said", async () => {
  const fresh = await startAfter(null);
  const { warnings, ...rest } = await startAfter({ ...onCpu, provider: "native-avx1024" });
  assert.deepEqual({ ...rest, warnings: [] }, fresh);
  assert.equal(warnings.length, 1);
  assert.match(warnings[0], /kernels "native-avx1024".*not available here.*round differently/);
  // It computed on a GPU, which the user has just decided against.
  const elsewhere = await startAfter({ backend: "webgpu", precision: "float16" });
  assert.deepEqual(elsewhere.warnings, []);
});

Deno.test("what the user asks for comes first", async () => {
  const asked = await startAfter({ ...onCpu, provider: "gone" }, ["backend.provider=wasm"]);
  assert.deepEqual(asked, { provider: "wasm", precision: "float32", warnings: [] });
});
