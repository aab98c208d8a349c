/** The playground in headless Chromium. */

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { fileURLToPath } from "node:url";
import { axeSource } from "../../deps/axe_test.ts";
import { buildPlayground } from "../../playground/build.ts";
import { serveFiles } from "../../playground/serve.ts";
import { type Browser, browserTest, type Page } from "../_browser.ts";

const runs = new URL("../fixtures/compat/0.1.0/runs/", import.meta.url);

function runFolder(name: string): string {
  return fileURLToPath(new URL(name, runs));
}

/** Opens the page and waits until it has tokens and a model. */
async function openPage(browser: Browser, address: string): Promise<{
  page: Page;
  complaints: string[];
}> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  context.setDefaultTimeout(120_000);
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(address) && !/^(blob|data):/.test(url)) complaints.push(`asked ${url}`);
  });
  await page.goto(address);
  await page.locator("html[data-state=ready]").waitFor({ state: "attached" });
  return { page, complaints };
}

/** Scrolls to a section and waits until it is drawn. */
async function see(page: Page, id: string): Promise<void> {
  const place = page.locator(`#${id}`);
  await place.scrollIntoViewIfNeeded();
  await page.locator(`#${id}[aria-busy=false]`).waitFor();
}

async function lightUp(page: Page): Promise<void> {
  const codes = page.locator("#tokens button[data-code]");
  const all = await codes.evaluateAll((cells) =>
    cells.map((cell) => (cell as HTMLElement).dataset.code)
  );
  const places = (code: string | undefined) => all.flatMap((own, at) => own === code ? [at] : []);
  // One that patches of different pictures share.
  const shared = all.find((code) => new Set(places(code).map((at) => at >> 6)).size > 1);
  assert.ok(shared !== undefined);
  const [first] = places(shared);
  await codes.nth(first).focus();
  const lit = await page.locator("#tokens .lit").evaluateAll((cells) =>
    cells.map((cell) => (cell as HTMLElement).dataset.code)
  );
  assert.deepEqual(lit, places(shared).map(() => shared));
  await page.locator("#code p").waitFor();
  assert.match(
    await page.locator("#code p").innerText(),
    new RegExp(`^Code ${shared}: \\d+ patch`),
  );
  await page.keyboard.press(first % 8 < 7 ? "ArrowRight" : "ArrowLeft");
  const focused = await page.locator(":focus").getAttribute("data-patch");
  assert.equal(Number(focused), first % 64 + (first % 8 < 7 ? 1 : -1));
}

async function dropPicture(page: Page): Promise<void> {
  const transfer = await page.evaluateHandle(async () => {
    const canvas = new OffscreenCanvas(40, 30);
    canvas.getContext("2d")!.fillRect(10, 10, 20, 10);
    const transfer = new DataTransfer();
    transfer.items.add(
      new File([await canvas.convertToBlob()], "dropped.png", { type: "image/png" }),
    );
    return transfer;
  });
  await page.locator("#tokens").scrollIntoViewIfNeeded();
  await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
  await page.locator("#tokens figcaption", { hasText: "dropped.png" }).waitFor();
  await page.getByRole("button", { name: "Take away dropped.png" }).click();
  await page.locator("#tokens figcaption", { hasText: "dropped.png" }).waitFor({
    state: "detached",
  });
}

/** What axe says of the page at a width and in a colour scheme, the serious of it. */
async function findings(page: Page, width: number, colorScheme: "light" | "dark") {
  await page.setViewportSize({ width, height: 900 });
  await page.emulateMedia({ colorScheme });
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }>;
      };
    };
    return (await axe.run()).violations
      .map(({ id, impact, nodes }) => ({ id, impact, first: nodes[0].html.slice(0, 200) }));
  });
  const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(wider <= 0, `${wider} px wider than ${width}`);
  return found.filter(({ impact }) => impact === "serious" || impact === "critical");
}

browserTest(
  "the playground: pictures, codes, models, and nothing asked elsewhere",
  async (browser) => {
    const files = await buildPlayground();
    const server = serveFiles(files);
    const plain = serveFiles(files, 0, false);
    try {
      const { page, complaints } = await openPage(browser, `http://127.0.0.1:${server.addr.port}/`);
      const status = await page.locator("#status").innerText();
      console.log(status);
      assert.match(status, /^Computing on cpu: .*Tokens of 8 pictures after [\d.]+ s$/);
      assert.equal(await page.locator("#pictures li").count(), 8);
      assert.equal(await page.locator("#tokens [role=grid]").count(), 8);
      await lightUp(page);
      for (const id of ["crops", "predictions", "attention", "features"]) {
        await see(page, id);
        assert.equal(await page.locator(`#${id} h3`).count(), 8, id);
      }
      assert.match(await page.locator("#predictions h3").first().innerText(), /of 25 codes right$/);
      const map = page.locator("#attention .card").first().locator(".maps canvas").first();
      const before = await map.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL());
      // By keyboard: a click waits for two frames alike, which a busy machine may not draw for minutes.
      await page.locator("#attention [role=grid] button").nth(9).focus();
      await page.keyboard.press("Enter");
      await page.locator("#attention-class:enabled").waitFor();
      assert.notEqual(
        await map.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL()),
        before,
      );
      await page.evaluate(axeSource);
      for (const width of [1280, 390]) {
        for (const scheme of ["light", "dark"] as const) {
          assert.deepEqual(await findings(page, width, scheme), [], `${width} px, ${scheme}`);
        }
      }
      await dropPicture(page);
      const problem = page.locator("#problem");
      const bad = { mimeType: "image/png", buffer: Buffer.from([1, 2, 3]) };
      await page.locator("#choose").setInputFiles({ ...bad, name: "bad.png" });
      await problem.waitFor();
      assert.equal(
        await problem.innerText(),
        'Cannot show "bad.png": this browser does not read it as a picture',
      );
      await page.locator("#weights").setInputFiles({ ...bad, name: "bad.safetensors" });
      await page.locator("#problem", { hasText: "bad.safetensors" }).waitFor();
      assert.match(await problem.innerText(), /^Cannot [^\n]*"bad\.safetensors"[^\n]*$/);
      // The model of a run, which says that it wants another tokenizer, and then that.
      await page.locator("#folder").setInputFiles(runFolder("pretrain"));
      await page.locator("#model", { hasText: "pretrain: 2 blocks" }).waitFor();
      await page.locator("#predictions").scrollIntoViewIfNeeded();
      const refusal = "No predictions: pretrain predicts 32 codes on 4 × 4 patches";
      await page.locator("#predictions", { hasText: refusal }).waitFor();
      await page.locator("#folder").setInputFiles(runFolder("tokenizer"));
      await page.locator("#model", { hasText: "Tokenizer tokenizer: 32 codes" }).waitFor();
      await see(page, "predictions");
      await page.locator("#predictions h3").first().waitFor();
      assert.equal(await page.locator("#problem").isVisible(), false);
      assert.deepEqual(complaints, []);

      const host = await openPage(browser, `http://127.0.0.1:${plain.addr.port}/`);
      const onHost = await host.page.locator("#status").innerText();
      console.log(`without isolation: ${onHost}`);
      assert.match(onHost, /1 thread.*Tokens of 8 pictures/);
      assert.deepEqual(host.complaints, []);
    } finally {
      await Promise.all([server.shutdown(), plain.shutdown()]);
    }
  },
);
