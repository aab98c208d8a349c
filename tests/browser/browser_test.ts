/** mimic in headless Chromium: steps of the quick start, and conformance. */

import assert from "node:assert/strict";
import { chromium } from "../../deps/playwright.ts";
import { createBackend } from "../../backends/mod.ts";
import { assertAllClose } from "../../core/assert_all_close.ts";
import { pretrain } from "../../tasks/pretrain.ts";
import type { Outcome } from "./page.ts";
import { pageConfig, servePage } from "./serve.ts";

const browserPath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]
  .find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });

/** A GPU imitated by the browser itself, and nothing that looks for the network. */
const browserFlags = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Opens the page with a query and waits for what it comes to. */
async function runPage(query: string): Promise<Outcome> {
  const server = await servePage();
  const browser = await chromium.launch({ executablePath: browserPath, args: browserFlags });
  try {
    const page = await browser.newPage();
    page.on("console", (message) => {
      if (message.type() === "error") console.warn(`page: ${message.text()}`);
    });
    await page.goto(`http://127.0.0.1:${server.addr.port}/?${query}`);
    const outcome = await page.waitForFunction("globalThis.outcome", null, { timeout: 900_000 });
    return await outcome.jsonValue() as Outcome;
  } finally {
    await browser.close();
    await server.shutdown();
  }
}

const steps = 20;

/** The losses of the page's run, here and on the processor. */
async function expectedLosses(batchSize: number): Promise<number[]> {
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

/** Small batches and the cases of one op: the page opened by hand runs everything. */
function browserTest(backend: string, batchSize: number): void {
  Deno.test({
    name: `the quick start in Chromium on ${backend} has the losses it has in Deno`,
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      if (browserPath === undefined) {
        const message = "Chromium is not here: install it (Debian: apt-get install chromium)";
        if (Deno.env.get("CI") === "true") throw new Error(message);
        return console.warn(`skipped: ${message}`);
      }
      const query = `backend=${backend}&steps=${steps}&batch=${batchSize}&cases=layerNorm`;
      const outcome = await runPage(query);
      assert.equal(outcome.error, null);
      assert.match(outcome.backend, new RegExp(`^${backend}: `));
      assert.equal(outcome.losses.length, steps);
      const expected = await expectedLosses(batchSize);
      assertAllClose(outcome.losses, expected, { relative: 1e-3 });
      assert.equal(outcome.failed, 0);
      assert.ok(outcome.passed > 0);
    },
  });
}

browserTest("webgpu", 2);
browserTest("cpu", 4);
