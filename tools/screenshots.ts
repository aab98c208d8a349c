/**
 * Takes the pictures of docs/logging.md: the report of a run, wide and on a phone in the dark, and the
 * page over all runs of a folder.
 *
 *     deno run -A tools/screenshots.ts runs/quickstart runs
 *
 * @module
 */

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { createApp } from "../cli/serve/app.ts";
import { RunLibrary } from "../cli/serve/run_library.ts";
import { type Browser, findChromium, withBrowser } from "../tests/_browser.ts";

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

if (import.meta.main) {
  const [run, runs] = Deno.args;
  const chromium = findChromium();
  if (run === undefined || runs === undefined || chromium === null) {
    console.error(
      "Needs a Chromium, a run and a folder of runs: tools/screenshots.ts RUN RUNS_DIR",
    );
    Deno.exit(2);
  }
  const to = new URL("../docs", import.meta.url).pathname;
  await withBrowser(chromium, (browser) => takeScreenshots(browser, { run, runs, to }));
}
