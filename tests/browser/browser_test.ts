/** mimic in headless Chromium: steps of the quick start, and conformance. */

import assert from "node:assert/strict";
import { createBackend } from "../../backends/mod.ts";
import { assertAllClose } from "../../core/assert_all_close.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { type Browser, browserTest } from "../_browser.ts";
import { pageConfig } from "../../playground/build.ts";
import type { Outcome } from "../../playground/self_test/self_checks.ts";
import { servePlayground } from "../../playground/serve.ts";

/** A GPU that the browser itself imitates. */
const gpuFlags = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader"];

/** Opens the self-test with a query and waits for what it comes to. */
async function runPage(browser: Browser, query: string): Promise<Outcome> {
  const server = await servePlayground();
  try {
    const page = await browser.newPage();
    await page.goto(`http://127.0.0.1:${server.addr.port}/self-test.html?${query}`);
    await page.locator("#status", { hasText: /^(Done|Stopped)/ }).waitFor({ timeout: 900_000 });
    return await page.evaluate("globalThis.outcome") as Outcome;
  } finally {
    await server.shutdown();
  }
}

/** The losses of the page's run, here and on the processor. */
async function expectedLosses(batchSize: number, steps: number): Promise<number[]> {
  const config = await pageConfig();
  const schedule = { ...config.schedule, maxSteps: steps };
  const losses: number[] = [];
  const { backend } = await createBackend("cpu", { provider: "wasm" });
  await pretrain({ ...config, batchSize, schedule }, {
    backend,
    listener: (event) => {
      if (event.type === "step") losses.push(event.metrics.loss);
    },
  });
  await backend.dispose();
  return losses;
}

/** All of the suite takes minutes on such a GPU: outside CI the cases of one op stand for it. */
const isCI = Deno.env.get("CI") === "true";
const [cases, fewest] = isCI ? ["", 100] : ["layerNorm", 1];

// Small batches, and few steps on a GPU that is imitated: the page opened by hand trains as the command
// line does.
for (const [backend, batchSize, steps] of [["webgpu", 2, 5], ["cpu", 4, 20]] as const) {
  browserTest(`the quick start in Chromium on ${backend} has Deno's losses`, async (browser) => {
    const query = `backend=${backend}&steps=${steps}&batch=${batchSize}&cases=${cases}`;
    const outcome = await runPage(browser, query);
    assert.equal(outcome.error, null);
    assert.match(outcome.backend, new RegExp(`^${backend}: `));
    assert.equal(outcome.losses.length, steps);
    assertAllClose(outcome.losses, await expectedLosses(batchSize, steps), { relative: 1e-3 });
    assert.deepEqual(outcome.failures, []);
    assert.ok(outcome.passed >= fewest, `${outcome.passed} passed`);
  }, gpuFlags);
}
