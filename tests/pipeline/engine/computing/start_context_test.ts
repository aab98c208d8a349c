import assert from "node:assert/strict";
import { createBackend } from "../../../../backends/mod.ts";
import { openMeasurements } from "../../../../checkpoints/hub/measurements.ts";
import { resolveConfig } from "../../../../methods/configs.ts";
import type { Computation } from "../../../../pipeline/engine/computing/computation.ts";
import { startContext } from "../../../../pipeline/engine/computing/start_context.ts";
import { formatTimes } from "../../../../pipeline/engine/computing/choose_precision.ts";
import { stepSample } from "../../../../pipeline/engine/computing/time_step.ts";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";

const smallSizes = { imageSize: 16, patchSize: 4, embedDim: 16, heads: 2, mlpRatio: 2 };

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

Deno.test("auto computes in the format that was measured to be faster", async () => {
  const before = Deno.env.get("MIMIC_CACHE");
  const folder = await Deno.makeTempDir();
  Deno.env.set("MIMIC_CACHE", folder);
  try {
    const { backend } = await createBackend("cpu", {
      threads: 1,
      measurements: openMeasurements(),
    });
    const formats = ["float32", ...backend.capabilities.reducedPrecisions] as const;
    const last = formats.at(-1)!;
    for (const [batch, times, wanted] of [[2, [1, 2], "float32"], [3, [2, 1], last]] as const) {
      const { config } = await resolveConfig({
        task: "pretrain",
        overrides: ["backend.name=cpu", "backend.threads=1", `batchSize=${batch}`],
      });
      await formatTimes(formats, {
        backend,
        sample: stepSample(smallSizes, batch),
        measurements: openMeasurements(),
        time: () => times.slice(0, formats.length),
      });
      const on = await startContext(config, {}, () => {}, { before: null, sizes: smallSizes });
      assert.equal(on.precision, wanted);
      await on.backend.dispose();
    }
    await backend.dispose();
  } finally {
    if (before === undefined) Deno.env.delete("MIMIC_CACHE");
    else Deno.env.set("MIMIC_CACHE", before);
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("what the user asks for comes first", async () => {
  const asked = await startAfter({ ...onCpu, provider: "gone" }, ["backend.provider=wasm"]);
  assert.deepEqual(asked, { provider: "wasm", precision: "float32", warnings: [] });
});
