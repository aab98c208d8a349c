import assert from "node:assert/strict";
import { createApp } from "../../../cli/_serve/app.ts";
import { RunLibrary } from "../../../cli/_serve/run_library.ts";
import { browserTest } from "../../_browser.ts";
import { withFolder } from "../../data/_trees.ts";
import { appendStep, writeRun } from "./_runs.ts";

browserTest(
  "serve: the page lays runs over each other, follows them, and shows what differs",
  async (browser) => {
    await withFolder(async (root) => {
      writeRun(`${root}/slow <b>`, { steps: 40, lr: 1e-3 });
      writeRun(`${root}/fast`, { steps: 60, lr: 2e-3, done: false });
      const app = createApp({
        library: new RunLibrary(root),
        host: "127.0.0.1",
        pollSeconds: 0.1,
        now: () => Date.now() / 1000,
      });
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, app.fetch);
      const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
      const problems: string[] = [];
      page.on("pageerror", (error) => problems.push(error.message));
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      try {
        const { port } = server.addr as Deno.NetAddr;
        await page.goto(`http://127.0.0.1:${port}/`);
        await page.waitForSelector("#plots canvas");
        assert.deepEqual(await page.locator("#runs td:nth-child(4)").allTextContents(), [
          "60 / 100",
          "40 / 100",
        ]);
        const loss = page.locator("figure", {
          has: page.locator("figcaption", { hasText: /^loss$/ }),
        });
        assert.deepEqual(await loss.locator(".u-series th .u-label").allTextContents(), [
          "step",
          "fast",
          "slow <b>",
        ]);
        const differing = await page.locator("#config tr td:first-child").allTextContents();
        assert.deepEqual(differing, ["optimizer.lr"]);

        const before = await loss.locator("canvas").screenshot();
        for (let step = 61; step <= 90; step++) appendStep(`${root}/fast`, step, 2e-3);
        await page.waitForSelector("#runs td:has-text('90 / 100')");
        await page.waitForTimeout(300);
        assert.notDeepEqual(
          await loss.locator("canvas").screenshot(),
          before,
          "the curve has grown",
        );

        writeRun(`${root}/third`, { steps: 5, lr: 1e-3 });
        await page.waitForSelector("text=third");
        await Deno.remove(`${root}/fast`, { recursive: true });
        await page.waitForSelector("#runs td:has-text('fast')", { state: "detached" });
        await page.getByLabel("compare third").check();
        await page.locator("#filter").fill("knn");
        await page.waitForSelector("#plots figure:has-text('gradNorm')", { state: "detached" });
        await page.waitForSelector("#plots figure:has-text('knnTop1')");
        assert.equal(await page.locator("#plots figure").count(), 1);
        for (const width of [390, 1400]) {
          await page.setViewportSize({ width, height: 800 });
          await page.waitForTimeout(200);
          const overflow = await page.evaluate<number>(
            "document.documentElement.scrollWidth - innerWidth",
          );
          assert.ok(overflow <= 0, `nothing sticks out at ${width} px`);
        }
        assert.deepEqual(problems, []);
      } finally {
        await page.close();
        await server.shutdown();
      }
    });
  },
);
