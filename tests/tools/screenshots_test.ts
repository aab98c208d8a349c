import assert from "node:assert/strict";
import { pretrain } from "../../methods/beit/method.ts";
import { takeScreenshots } from "../../tools/screenshots.ts";
import { browserTest } from "../_browser.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";

/** Width and height of a PNG file. */
function sizeOf(path: string): number[] {
  const view = new DataView(Deno.readFileSync(path).buffer);
  return [view.getUint32(16), view.getUint32(20)];
}

browserTest(
  "the report fits wide and narrow windows, light and dark, and asks for nothing",
  async (browser) => {
    await withFolder(async (folder, backend) => {
      const config = await tinyConfig(await writeTinyTokenizer(folder));
      const run = `${folder}/runs/tiny`;
      await pretrain(config, { backend, directory: run });
      const page = await browser.newPage();
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.url()));
      const backgrounds: string[] = [];
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        for (const width of [390, 1200]) {
          await page.setViewportSize({ width, height: 800 });
          await page.goto(`file://${run}/report.html`);
          const overflow = await page.evaluate<number>(
            "document.documentElement.scrollWidth - innerWidth",
          );
          assert.ok(overflow <= 0, `nothing sticks out at ${width} px`);
          const broken = await page.evaluate<number>(
            "[...document.images].filter((image) => image.naturalWidth === 0).length",
          );
          assert.equal(broken, 0, "every picture shows");
        }
        backgrounds.push(
          await page.evaluate<string>("getComputedStyle(document.body).backgroundColor"),
        );
      }
      assert.notEqual(backgrounds[0], backgrounds[1]);
      assert.ok(
        asked.every((url) => url.startsWith("file:") || url.startsWith("data:")),
        asked.join(),
      );
      await page.close();

      await takeScreenshots(browser, { run, runs: `${folder}/runs`, to: folder });
      assert.deepEqual(sizeOf(`${folder}/report.png`), [1180, 1500]);
      assert.deepEqual(sizeOf(`${folder}/report-narrow.png`), [390, 1500]);
      for (const name of ["serve.png", "serve-narrow.png"]) {
        assert.ok(Deno.statSync(`${folder}/${name}`).size > 5000, name);
      }
    });
  },
);
