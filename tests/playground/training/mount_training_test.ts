/** Training in the playground, in headless Chromium. */

import assert from "node:assert/strict";
import { openModel } from "../../../checkpoints/open_model.ts";
import { Generator } from "../../../core/generator.ts";
import { servePlayground } from "../../../playground/serve.ts";
import { encodePng } from "../../../report/png.ts";
import { type Browser, browserTest, type Page } from "../../_browser.ts";

const minute = 60_000;

/** A folder with two classes of a few noisy pictures. */
async function writePictures(folder: string): Promise<void> {
  for (const [index, name] of ["dark", "light"].entries()) {
    await Deno.mkdir(`${folder}/${name}`);
    for (let at = 0; at < 10; at++) {
      const draws = Generator.from(at).split(name);
      const data = Uint8Array.from(
        { length: 32 * 32 * 3 },
        () => draws.integer(0, 127) + 128 * index,
      );
      await Deno.writeFile(
        `${folder}/${name}/${at}.png`,
        await encodePng({ width: 32, height: 32, data }),
      );
    }
  }
}

/** Waits until the section is in a state. */
async function isIn(page: Page, state: "idle" | "training"): Promise<void> {
  await page.waitForSelector(`#training[data-state=${state}]`, { timeout: 2 * minute });
}

/** Waits for words in the section's state line. */
async function says(page: Page, words: string | RegExp): Promise<void> {
  await page.locator("#training .state", { hasText: words }).waitFor({ timeout: 2 * minute });
}

/** Drops a file or a folder on the section, as a file manager does. */
async function drop(page: Page, path: string): Promise<void> {
  const title = page.locator("#training-title");
  await title.scrollIntoViewIfNeeded();
  const { x, y } = (await title.boundingBox())!;
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files: [path], dragOperationsMask: 1 };
  for (const type of ["dragEnter", "dragOver", "drop"] as const) {
    await session.send("Input.dispatchDragEvent", { type, x: x + 9, y: y + 9, data });
  }
  await session.detach();
}

/** Starts a run on the pictures of a folder, which is chosen or dropped. */
async function start(page: Page, folder: string, steps: number, isDropped = false): Promise<void> {
  await isIn(page, "idle");
  if (isDropped) await drop(page, folder);
  else {
    await page.selectOption("#training [name=images]", "own");
    await page.setInputFiles("#training [name=folder]", folder);
  }
  await page.locator("#training .chosen", { hasText: "20 files" }).waitFor();
  await page.fill("#training [name=steps]", String(steps));
  await page.click("#training button[name=start]");
}

/** The weights that the page gives away. */
async function downloadWeights(page: Page, path: string): Promise<Uint8Array> {
  const downloading = page.waitForEvent("download");
  await page.click("#training button[name=download]");
  const download = await downloading;
  assert.equal(download.suggestedFilename(), "mimic-step-8.safetensors");
  await download.saveAs(path);
  return await Deno.readFile(path);
}

/** A page of its own, as of another person; what it logs is an error. */
async function openPage(browser: Browser, address: string): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.on("dialog", (dialog) => dialog.accept());
  page.on("pageerror", (error) => console.error(error));
  await page.goto(`${address}?batch=2&save=2&knn=4`);
  return page;
}

browserTest("a reload in mid-training goes on to the same weights", async (browser) => {
  const folder = await Deno.makeTempDir();
  const server = await servePlayground();
  const address = `http://127.0.0.1:${server.addr.port}/`;
  try {
    const pictures = `${folder}/pictures`;
    await Deno.mkdir(pictures);
    await writePictures(pictures);

    const whole = await openPage(browser, address);
    await start(whole, pictures, 8);
    await says(whole, "Finished");
    const wanted = await downloadWeights(whole, `${folder}/whole.safetensors`);
    await whole.locator("#training figcaption", { hasText: "k-NN accuracy" }).waitFor();
    await whole.context().close();

    const cut = await openPage(browser, address);
    await start(cut, pictures, 8);
    await cut.locator("#training dd", { hasText: /after step [246]$/ }).waitFor({
      timeout: 2 * minute,
    });
    await cut.reload();
    await says(cut, /A run is saved, step [246] of 8/);
    await cut.click("#training button[name=goOn]");
    await says(cut, "Finished");
    const found = await downloadWeights(cut, `${folder}/cut.safetensors`);
    assert.deepEqual(found, wanted);

    const model = await openModel(`${folder}/cut.safetensors`);
    assert.deepEqual([model.kind, model.report.missing], ["pretrain", []]);
    // That of own pictures.
    assert.equal(model.tokenizer, "vqkd_quickstart");
    model.close();

    // From these weights, on pictures that are dropped.
    await drop(cut, `${folder}/cut.safetensors`);
    await cut.locator("#training .start", { hasText: "cut.safetensors" }).waitFor();
    await start(cut, pictures, 500, true);
    await cut.locator("#training dd", { hasText: "of 500" }).waitFor({ timeout: 2 * minute });
    await cut.click("#training button[name=stop]");
    await isIn(cut, "idle");
    await cut.locator("#training button[name=goOn]", { hasText: "Go on from step" }).waitFor();
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});
