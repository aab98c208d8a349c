import assert from "node:assert/strict";
import type { Backend, Capabilities, Precision } from "../../../../backends/backend.ts";
import { choosePrecision } from "../../../../pipeline/engine/computing/choose_precision.ts";
import type { Computation } from "../../../../pipeline/engine/computing/computation.ts";
import { stepSample, usualSizes } from "../../../../pipeline/engine/computing/time_step.ts";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";

/** A backend of which only the capabilities are asked for. */
function backendWith(
  reducedPrecisions: Capabilities["reducedPrecisions"],
  key: string | null = "a processor",
): Backend {
  const kernels = key === null ? {} : { kernels: { provider: "wasm", key, times: null } };
  const capabilities = { reducedPrecisions, threads: 2, description: "made up", ...kernels };
  return { name: key === null ? "webgpu" : "cpu", capabilities } as unknown as Backend;
}

interface Case {
  readonly wanted?: "auto" | "amp" | "float32";
  readonly backend?: Backend;
  readonly before?: Computation | null;
  readonly store?: Map<string, unknown>;
  readonly images?: number;
  /** Milliseconds in float32 and bfloat16. */
  readonly times?: number[];
}

/** What is chosen, how often something was timed, and what was said. */
async function choose(
  { wanted = "auto", backend = backendWith(["bfloat16"]), before = null, ...rest }: Case,
) {
  const { store = new Map(), images = 8, times = [1, 1] } = rest;
  let timed = 0;
  const events: RunEvent[] = [];
  const precision = await choosePrecision(wanted, {
    ...{ backend, before, measurements: store, sample: stepSample(usualSizes, images) },
    listener: (event) => void events.push(event),
    time: () => {
      timed++;
      return times;
    },
  });
  const warnings = events.flatMap((event) => event.type === "warning" ? [event.message] : []);
  return { precision, timed, warnings };
}

Deno.test("auto takes a reduced format only where a step is faster with it, beyond the noise", async () => {
  const cases: [times: number[], Precision][] = [
    [[2, 1], "bfloat16"],
    [[1.06, 1], "bfloat16"],
    [[1.03, 1], "float32"],
    [[1, 1.4], "float32"],
  ];
  for (const [times, wanted] of cases) {
    assert.deepEqual(await choose({ times }), { precision: wanted, timed: 1, warnings: [] });
  }
  const both = backendWith(["bfloat16", "float16"]);
  assert.equal((await choose({ backend: both, times: [3, 2, 1] })).precision, "float16");
});

Deno.test("what was measured is kept by processor, model and batch", async () => {
  const store = new Map<string, unknown>();
  assert.equal((await choose({ store, times: [2, 1] })).precision, "bfloat16");
  for (const [key, value] of store) store.set(key, JSON.parse(JSON.stringify(value)));
  const again = await choose({ store, times: [1, 2] });
  assert.deepEqual([again.precision, again.timed], ["bfloat16", 0]);
  const other = await choose({ store, times: [1, 2], backend: backendWith(["bfloat16"], "other") });
  assert.deepEqual([other.precision, other.timed], ["float32", 1]);
  const single = await choose({ store, times: [1, 2], images: 1 });
  assert.deepEqual([single.precision, single.timed], ["float32", 1]);
  for (const value of [null, "bfloat16", { float32: 1 }, { float32: "1", bfloat16: -1 }]) {
    for (const key of store.keys()) store.set(key, value);
    const spoiled = await choose({ store, times: [1, 2] });
    assert.deepEqual([spoiled.precision, spoiled.timed], ["float32", 1], JSON.stringify(value));
  }
});

Deno.test("a resumed run keeps its format, and says so where it cannot", async () => {
  for (const precision of ["float32", "bfloat16"] as const) {
    const kept = await choose({ before: { precision }, times: [1, 1] });
    assert.deepEqual(kept, { precision, timed: 0, warnings: [] });
  }
  const elsewhere = await choose({ before: { precision: "bfloat16" }, backend: backendWith([]) });
  assert.equal(elsewhere.precision, "float32");
  assert.match(
    elsewhere.warnings.join(),
    /computed in bfloat16, which is not available here .*float32/,
  );
  const onCpu = await choose({ before: { precision: "float16" }, times: [1, 2] });
  assert.deepEqual([onCpu.precision, onCpu.timed], ["float32", 1]);
  assert.equal(onCpu.warnings.length, 1);
});

Deno.test("runs of versions that did not record it used a reduced format where there was one", async () => {
  assert.deepEqual(await choose({ before: {}, times: [1, 2] }), {
    ...{ precision: "bfloat16", timed: 0, warnings: [] },
  });
  assert.equal((await choose({ before: {}, backend: backendWith([]) })).precision, "float32");
});

Deno.test("what is asked for is not timed", async () => {
  const before = { precision: "float32" } as const;
  assert.equal((await choose({ wanted: "amp", before, times: [1, 2] })).precision, "bfloat16");
  assert.equal((await choose({ wanted: "float32", times: [2, 1] })).timed, 0);
  await assert.rejects(choose({ wanted: "amp", backend: backendWith([]) }), /no reduced format/);
  const gpu = await choose({ backend: backendWith(["float16"], null), times: [1, 2] });
  assert.deepEqual([gpu.precision, gpu.timed], ["float16", 0]);
});

Deno.test("a sample has the model's shapes and as many of its images as are worth timing", () => {
  const sizes = { imageSize: 32, patchSize: 4, embedDim: 128, heads: 4, mlpRatio: 4 };
  assert.deepEqual(stepSample(sizes, 16), {
    ...{ images: 16, tokens: 65, embedDim: 128, heads: 4, mlpRatio: 4 },
  });
  assert.ok(stepSample(sizes, 4096).images < 200);
  assert.equal(stepSample({ ...usualSizes, embedDim: 1024, heads: 16 }, 8).images, 1);
});
