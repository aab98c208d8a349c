import assert from "node:assert/strict";
import type { Backend } from "../../backends/backend.ts";
import {
  type ConformanceCase,
  conformanceCases,
  formatConformance,
  runConformance,
} from "../../backends/conformance.ts";
import * as cpuKernels from "../../backends/cpu/kernels/mod.ts";
import { createCpuBackend } from "../../backends/cpu/mod.ts";
import { createBackend } from "../../backends/mod.ts";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import * as webgpuKernels from "../../backends/webgpu/kernels/mod.ts";
import { messageOf } from "../../core/errors.ts";
import { tf } from "../../deps/tfjs.ts";
import { availableProviders } from "./cpu/_providers.ts";

/** Every case must pass; those in precisions that the backend does not claim are skipped. */
async function assertConforms(
  backend: Backend,
  isWanted: (candidate: ConformanceCase) => boolean = () => true,
): Promise<void> {
  const results = await runConformance(backend, { filter: isWanted });
  const failures = results.filter(({ status }) => status === "failed");
  assert.equal(failures.length, 0, `\n${formatConformance(failures)}`);
  const isReduced = backend.capabilities.reducedPrecisions.length > 0;
  const passed = results.filter(({ status }) => status === "passed");
  assert.equal(passed.some(({ precision }) => precision !== "float32"), isReduced);
  assert.equal(
    passed.filter(({ precision }) => precision === "float32").length,
    conformanceCases().filter((each) => each.precision === "float32" && isWanted(each)).length,
  );
}

for (const provider of await availableProviders()) {
  Deno.test(`cpu conforms with the provider ${provider}`, async () => {
    const backend = await createCpuBackend({ threads: 1, provider });
    try {
      await assertConforms(backend);
    } finally {
      await backend.dispose();
    }
  });
}

for (const name of ["reference", "tfjs:cpu"] as const) {
  Deno.test(`${name} conforms`, async () => {
    const { backend } = await createBackend(name);
    try {
      await assertConforms(backend);
    } finally {
      await backend.dispose();
    }
  });
}

Deno.test({
  name: "webgpu conforms, with its kernels and without",
  // The GPU's queue has operations open that no test can close.
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    let backend: Backend;
    try {
      ({ backend } = await createBackend("webgpu"));
    } catch (error) {
      if (Deno.env.get("CI") === "true") throw error;
      console.warn(`webgpu is not tested: ${messageOf(error)}`);
      return;
    }
    try {
      await assertConforms(backend);
      // tfjs' own scatter adds in whatever order the GPU comes to it.
      const repeats = ({ op }: ConformanceCase) => {
        return op !== "relativePositionBias" && op !== "codeStatistics";
      };
      await assertConforms(withoutKernels(backend), repeats);
    } finally {
      await backend.dispose();
    }
  },
});

/** The same backend, computing with plain compositions in float32. */
function withoutKernels(backend: Backend): Backend {
  return {
    name: backend.name,
    capabilities: { ...backend.capabilities, reducedPrecisions: [] },
    kernels: {},
    run: (work) => backend.run(work),
    sync: () => backend.sync(),
    memory: () => backend.memory(),
    dispose: () => backend.dispose(),
  };
}

Deno.test("names of cases are unique, and every kernel has a case", () => {
  const cases = conformanceCases();
  assert.equal(new Set(cases.map(({ name }) => name)).size, cases.length);
  const kernels = new Set([cpuKernels, webgpuKernels].flatMap((table) => Object.keys(table)));
  assert.deepEqual([...kernels].filter((kernel) => !hasCase(kernel)), []);
  assert.ok(kernels.has("qkvBias") && !hasCase("no such kernel"));
});

Deno.test("every op has a case", async () => {
  const folder = new URL("../../backends/ops/", import.meta.url);
  const ops: string[] = [];
  for await (const { name } of Deno.readDir(folder)) {
    const code = await Deno.readTextFile(new URL(name, folder));
    // An op is what takes a context first.
    for (const [, op] of code.matchAll(/^export function (\w+)\(\s*_?on: Context/gm)) ops.push(op);
  }
  assert.deepEqual(ops.filter((op) => !hasCase(op)), []);
  assert.ok(ops.includes("attentionWeights"));
});

function hasCase(name: string): boolean {
  return conformanceCases().some(({ op }) => op === name);
}

/** A reference backend with one kernel, which is wrong in some way. */
async function withFaultyResidual(fault: "value" | "gradient" | "leak" | "throws") {
  const backend = await createReferenceBackend();
  Object.assign(backend, {
    kernels: {
      residual: {
        forward({ x, branch }: { x: tf.Tensor; branch: tf.Tensor }) {
          if (fault === "throws") throw new Error("no such luck");
          if (fault === "leak") tf.keep(tf.scalar(1));
          const y = tf.add(x, branch);
          return { y: fault === "value" ? tf.mul(y, 1.001) : y };
        },
        backward({ dy }: { dy: tf.Tensor }) {
          return { dbranch: tf.mul(dy, fault === "gradient" ? 1.001 : 1), dgamma: null };
        },
      },
    },
  });
  return backend;
}

for (
  const [fault, message] of [
    ["value", /^values are off by 0\.00\d+ \(worst: y\)$/],
    ["gradient", /^gradients are off by 0\.00\d+ \(worst: branch\)$/],
    ["leak", /^1 tensors were leaked/],
    ["throws", /^no such luck$/],
  ] as const
) {
  Deno.test(`a kernel's fault is found and named: ${fault}`, async () => {
    const backend = await withFaultyResidual(fault);
    const told: string[] = [];
    const [result, ...others] = await runConformance(backend, {
      filter: "residual plain",
      onResult: ({ name }) => told.push(name),
    });
    assert.equal(others.length, 0);
    assert.equal(result.status, "failed");
    assert.match(result.message!, message);
    assert.deepEqual(told, [result.name]);
    assert.match(formatConformance([result]), /^failed +residual plain .*\n0 passed, 1 failed/m);
    await backend.dispose();
  });
}

Deno.test("cases in a precision that a backend lacks are skipped with the reason", async () => {
  const { backend } = await createBackend("tfjs:cpu");
  const [result] = await runConformance(backend, {
    filter: ({ op, precision }) => op === "linear" && precision === "float16",
  });
  assert.equal(result.status, "skipped");
  assert.equal(result.message, "tfjs:cpu has no float16");
});
