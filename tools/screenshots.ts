/**
 * Takes the pictures of docs/logging.md: the report of a run, wide and on a phone in the dark, and the
 * page over all runs of a folder; and, without arguments, those of docs/playground.md.
 *
 *     deno run -A tools/screenshots.ts runs/quickstart runs
 *     deno run -A tools/screenshots.ts
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createApp } from "../cli/serve/app.ts";
import { RunLibrary } from "../cli/serve/run_library.ts";
import { servePlayground } from "../playground/serve.ts";
import { type Browser, findChromium, type Page, withBrowser } from "../tests/_browser.ts";

/** A page of the browser at a size and in a colour scheme. */
interface View {
  readonly width: number;
  readonly height: number;
  readonly colorScheme: "light" | "dark";
}

async function shoot(
  browser: Browser,
  address: string,
  path: string,
  { width, height, colorScheme }: View,
  ready = "svg",
): Promise<void> {
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  await page.goto(address);
  await page.waitForSelector(ready);
  await page.waitForTimeout(500);
  await page.screenshot({ path, animations: "disabled" });
  await page.close();
}

/**
 * Writes `report.png`, `report-narrow.png`, `serve.png` and `serve-narrow.png`.
 *
 * @param run directory of a run with a report
 * @param runs folder of runs
 */
export async function takeScreenshots(
  browser: Browser,
  { run, runs, to }: { run: string; runs: string; to: string },
): Promise<void> {
  const report = pathToFileURL(resolve(run, "report.html")).href;
  const wide: View = { width: 1180, height: 1500, colorScheme: "light" };
  const narrow: View = { width: 390, height: 1500, colorScheme: "dark" };
  await shoot(browser, report, `${to}/report.png`, wide);
  await shoot(browser, report, `${to}/report-narrow.png`, narrow);
  const { fetch } = createApp({
    library: new RunLibrary(runs),
    host: "127.0.0.1",
    pollSeconds: 1,
    now: () => Date.now() / 1000,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, fetch);
  try {
    const address = `http://127.0.0.1:${(server.addr as Deno.NetAddr).port}/`;
    await shoot(browser, address, `${to}/serve.png`, { ...wide, height: 900 }, "canvas");
    await shoot(browser, address, `${to}/serve-narrow.png`, { ...narrow, height: 900 }, "canvas");
  } finally {
    await server.shutdown();
  }
}

/** The playground with half of its samples, and all patches lit that have the code of one. */
async function openPlayground(browser: Browser, address: string, view: View): Promise<Page> {
  const { width, height, colorScheme } = view;
  const page = await browser.newPage({ viewport: { width, height }, colorScheme });
  await page.goto(address);
  await page.locator("html[data-state=ready]").waitFor({ state: "attached" });
  for (const name of ["fish", "fruit", "bag", "coat"]) {
    await page.getByRole("button", { name: `Take away ${name}`, exact: true }).click();
  }
  await page.locator("#tokens figure").nth(4).waitFor({ state: "detached" });
  // A patch of the boat's water.
  await page.locator("#tokens [role=grid]").nth(0).locator("button").nth(57).focus();
  await page.locator("#code canvas").first().waitFor();
  return page;
}

/** Writes `playground.png`, `playground-model.png` and `playground-narrow.png`. */
export async function takePlaygroundScreenshots(browser: Browser, to: string): Promise<void> {
  const server = await servePlayground();
  const address = `http://127.0.0.1:${server.addr.port}/`;
  try {
    const wide = await openPlayground(browser, address, {
      ...{ width: 1180, height: 1130, colorScheme: "light" },
    });
    await wide.evaluate(() => scrollTo(0, 0));
    await wide.screenshot({ path: `${to}/playground.png`, animations: "disabled" });
    for (const id of ["predictions", "attention", "features"]) {
      await wide.locator(`#${id}`).scrollIntoViewIfNeeded();
      await wide.locator(`#${id}[aria-busy=false] .card`).first().waitFor();
    }
    await wide.setViewportSize({ width: 1180, height: 1560 });
    await wide.locator("#predictions-title").evaluate((title) => title.scrollIntoView());
    await wide.screenshot({ path: `${to}/playground-model.png`, animations: "disabled" });
    const narrow = await openPlayground(browser, address, {
      ...{ width: 390, height: 1560, colorScheme: "dark" },
    });
    await narrow.evaluate(() => scrollTo(0, 0));
    await narrow.screenshot({ path: `${to}/playground-narrow.png`, animations: "disabled" });
  } finally {
    await server.shutdown();
  }
}

if (import.meta.main) {
  const [run, runs] = Deno.args;
  const chromium = findChromium();
  const isPlayground = run === undefined;
  if (chromium === null || (!isPlayground && runs === undefined)) {
    console.error(
      "Needs a Chromium, and a run and a folder of runs, or neither: tools/screenshots.ts RUN RUNS_DIR",
    );
    Deno.exit(2);
  }
  const to = new URL("../docs", import.meta.url).pathname;
  await withBrowser(
    chromium,
    (browser) =>
      isPlayground
        ? takePlaygroundScreenshots(browser, to)
        : takeScreenshots(browser, { run, runs, to }),
  );
}
