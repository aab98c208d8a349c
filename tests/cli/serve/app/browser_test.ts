import assert from "node:assert/strict";
import { createApp } from "../../../../cli/serve/app.ts";
import { RunLibrary } from "../../../../cli/serve/run_library.ts";
import { formatMetric } from "../../../../core/metric_names.ts";
import { formatCount } from "../../../../core/number_formats.ts";
import { browserTest } from "../../../_browser.ts";
import { withFolder } from "../../../data/_trees.ts";
import { appendStep, writeRun } from "../_runs.ts";

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
        await page.waitForSelector(".plots canvas");
        assert.deepEqual(await page.locator("#runs .steps").allTextContents(), [
          "60 / 100",
          "40 / 40",
        ]);
        const loss = page.locator("figure", {
          has: page.locator("figcaption", { hasText: /^Loss$/ }),
        });
        assert.deepEqual(await loss.locator(".u-series th .u-label").allTextContents(), [
          "step",
          "fast",
          "slow <b>",
        ]);
        const differing = await page.locator(".config tr td:first-child").allTextContents();
        assert.deepEqual(differing, ["optimizer.lr"]);
        await page.setViewportSize({ width: 390, height: 800 });
        const key = await page.locator(".config td:first-child").first().boundingBox();
        assert.ok(key!.height < 70, `"optimizer.lr" is broken letter by letter: ${key!.height} px`);
        await page.setViewportSize({ width: 1200, height: 800 });

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
        await page.locator("#filter").fill("k-NN");
        await page.waitForSelector(".plots figure:has-text('Gradient norm')", {
          state: "detached",
        });
        await page.waitForSelector(".plots figure:has-text('k-NN, this model')");
        assert.equal(await page.locator(".plots figure").count(), 1);
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

browserTest(
  "serve: runs of different methods share no plot, and numbers are those of the report",
  async (browser) => {
    await withFolder(async (root) => {
      writeRun(`${root}/long`, { steps: 30, lr: 1e-3 });
      writeRun(`${root}/short`, { steps: 20, lr: 2e-3, scheduleSteps: 100 });
      writeRun(`${root}/tuned`, { steps: 10, lr: 1e-3, task: "finetune" });
      const { fetch } = createApp({
        library: new RunLibrary(root),
        host: "127.0.0.1",
        pollSeconds: 1,
        now: () => Date.now() / 1000,
      });
      const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, fetch);
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
      try {
        const { port } = server.addr as Deno.NetAddr;
        await page.goto(`http://127.0.0.1:${port}/#long&short&tuned`);
        await page.waitForSelector(".group:nth-child(2) canvas");
        const titles = await page.locator(".group h2").allTextContents();
        assert.deepEqual(titles.sort(), ["Fine-tuning", "Pretraining"]);
        const losses = page.locator("figure[data-curve=loss]");
        const labels = [];
        for (const one of await losses.all()) {
          labels.push((await one.locator(".u-label").allTextContents()).slice(1).sort().join());
        }
        assert.deepEqual(labels.sort(), ["long,short", "tuned"]);
        const line = (name: string) => page.locator("#runs tr", { hasText: name });
        assert.match(await line("long").locator(".result").innerText(), /^15\.0 % k-NN$/);
        assert.match(await line("tuned").locator(".result").innerText(), /^5\.0 % top-1 accuracy$/);
        assert.match(await line("short").locator(".state").innerText(), /^stopped by --max-steps$/);
        // Of the whole schedule, as in the report.
        assert.equal(await line("short").locator(".steps").innerText(), "20 / 100");
        assert.equal(await page.evaluate("count(1234567)"), formatCount(1_234_567));
        // The legend at rest has the last value, in percent as the report writes it.
        const knn = page.locator("figure[data-curve='evaluation/features/knnTop1']");
        const last = await knn.locator(".u-series", { hasText: "long" }).locator(".u-value")
          .innerText();
        assert.equal(last, formatMetric("knnTop1", 0.15));
        for (
          const [key, unit] of [["learningRate", "rate"], ["stepTime", "seconds"], [
            "loss",
            "number",
          ]]
        ) {
          for (const value of [0, 1.234e-5, 0.04212, 0.5, 3, 2.30258, 43_210]) {
            // Long times are written out in the list of runs alone, by the server.
            if (unit === "seconds" && (value === 0 || value > 9)) continue;
            const shown = await page.evaluate(`written("${unit}", ${value})`);
            assert.equal(shown, formatMetric(key, value), `${key} ${value}`);
          }
        }
      } finally {
        await page.close();
        await server.shutdown();
      }
    });
  },
);
