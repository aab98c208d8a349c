import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import type { Backend } from "../../backends/backend.ts";
import { createBackend } from "../../backends/mod.ts";
import { compareFixtures } from "../../bench/parity/compare_fixtures.ts";
import { bundledFixtures } from "../../bench/parity/fixture_folder.ts";
import { examineBackend, isHealthy } from "../../tasks/doctor/doctor.ts";
import { selfTest } from "../../tasks/doctor/self_test.ts";

/** A clock that goes on by a tenth of a second at each look. */
function ticking(): () => number {
  let seconds = 0;
  return () => seconds += 0.1;
}

Deno.test("the self-test measures ops, a product and steps, and leaves no tensor behind", async () => {
  const { backend } = await createBackend("cpu", { threads: 1 });
  const before = backend.memory().tensors;
  const test = await selfTest(backend, ticking(), 0.5);
  assert.equal(test.ok, true, test.conformance.failures.join());
  assert.ok(test.conformance.passed > 15);
  // By this clock every product takes a tenth of a second.
  assert.equal(test.product.size, 128);
  assert.ok(Math.abs(test.product.gigaflops - 2 * 128 ** 3 / 0.1e9) < 1e-6);
  assert.ok(test.step.lossAfter < test.step.lossBefore);
  assert.equal(backend.memory().tensors, before);
  await backend.dispose();
});

Deno.test("the self-test finds a wrong kernel", async () => {
  const { backend } = await createBackend("cpu", { threads: 1 });
  const broken: Backend = {
    name: backend.name,
    capabilities: backend.capabilities,
    kernels: { ...backend.kernels, nearestCode: () => tf.zeros([17], "int32") },
    run: (work) => backend.run(work),
    sync: () => backend.sync(),
    memory: () => backend.memory(),
    dispose: () => backend.dispose(),
  };
  const test = await selfTest(broken, ticking(), 0);
  assert.equal(test.ok, false);
  assert.match(test.conformance.failures.join(), /nearestCode/);
  await backend.dispose();
});

Deno.test("a backend that does not start is reported with the reason", async () => {
  const candidate = { label: "mine", name: "tfjs:mine" } as const;
  const report = await examineBackend(candidate, { now: ticking() });
  assert.ok(!report.starts);
  assert.match(report.reason, /mine/);
  assert.ok(isHealthy(report));
});

Deno.test("examineBackend() compares with the bundled numbers when asked", async () => {
  const parity = (backend: Backend) => compareFixtures(bundledFixtures(), backend);
  const options = { now: ticking(), test: false, parity };
  const report = await examineBackend({ label: "cpu", name: "cpu" }, options);
  assert.ok(report.starts);
  assert.equal(report.selfTest, null);
  assert.ok(report.parity!.quantities > 50);
  assert.deepEqual(report.parity!.failures, []);
});
