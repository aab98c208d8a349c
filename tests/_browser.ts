/** A headless Chromium for tests. */
import { type Browser, chromium } from "../deps/playwright.ts";

export type { Browser, Page } from "../deps/playwright.ts";

const places = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "C:/Program Files/Google/Chrome/Application/chrome.exe",
];

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/** Where a Chromium is: `CHROMIUM_PATH`, or where systems put it; null without one. */
export function findChromium(): string | null {
  const named = Deno.env.get("CHROMIUM_PATH");
  return [...(named === undefined ? [] : [named]), ...places].find(exists) ?? null;
}

/** Starts a browser for `work` and ends it after. */
export async function withBrowser(
  executablePath: string,
  work: (browser: Browser) => Promise<void>,
  args: readonly string[] = [],
): Promise<void> {
  const browser = await chromium.launch({
    executablePath,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...args,
    ],
  });
  try {
    await work(browser);
  } finally {
    await browser.close();
  }
}

/**
 * A test in a browser. Without one it is left out, with the reason and the way to get one; with
 * `CI=true` it fails.
 */
export function browserTest(
  name: string,
  work: (browser: Browser) => Promise<void>,
  args: readonly string[] = [],
): void {
  const path = findChromium();
  const isLeftOut = path === null && Deno.env.get("CI") !== "true";
  if (isLeftOut) {
    console.log(`left out, no Chromium here (apt-get install chromium, or CHROMIUM_PATH): ${name}`);
  }
  Deno.test({
    name,
    ignore: isLeftOut,
    // The library keeps timers and pipes of its own for a moment after the browser has ended.
    sanitizeOps: false,
    sanitizeResources: false,
    fn: async () => {
      if (path === null) throw new Error("CI needs a Chromium: apt-get install chromium");
      await withBrowser(path, work, args);
    },
  });
}
