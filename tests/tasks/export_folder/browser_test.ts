/** transformers.js in headless Chromium, with an exported folder on a local server. */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runtimeFiles } from "../../../deps/transformers_test.ts";
import { browserTest } from "../../_browser.ts";
import { assertSame, type Found, withExported } from "./_exported.ts";

const types: Readonly<Record<string, string>> = {
  html: "text/html",
  js: "text/javascript",
  mjs: "text/javascript",
  json: "application/json",
  png: "image/png",
  wasm: "application/wasm",
};

/** Serves the page, the runtime that it loads, the exported folder and the image. */
async function serve(parent: string): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const entry = fileURLToPath(import.meta.resolve("./_page.ts"));
  const { outputFiles } = await Deno.bundle({
    entrypoints: [entry],
    platform: "browser",
    write: false,
  });
  const made: Readonly<Record<string, string>> = {
    "/index.html": '<!doctype html><script type="module" src="/page.js"></script>',
    "/page.js": outputFiles![0].text(),
  };
  const runtime = await runtimeFiles();
  return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
    const { pathname } = new URL(request.url);
    const headers = { "content-type": types[pathname.split(".").at(-1)!] ?? "text/plain" };
    if (made[pathname] !== undefined) return new Response(made[pathname], { headers });
    const file = runtime.get(pathname.replace("/runtime/", "")) ?? parent + pathname;
    try {
      return new Response(await Deno.readFile(file), { headers });
    } catch {
      return new Response("not found", { status: 404 });
    }
  });
}

browserTest(
  "an exported folder gives predict's top 5 in a page, in every number format, without the net",
  async (browser) => {
    await withExported(async ({ parent, variants, guesses }) => {
      const server = await serve(parent);
      try {
        const own = `http://127.0.0.1:${server.addr.port}`;
        const page = await browser.newPage();
        const foreign: string[] = [];
        page.on("request", (request) => {
          if (!/^(blob:|data:)/.test(request.url()) && !request.url().startsWith(own)) {
            foreign.push(request.url());
          }
        });
        await page.goto(`${own}/index.html`);
        await page.waitForFunction("globalThis.classify");
        for (const { dtype } of variants) {
          const found = await page.evaluate<Found[]>(`classify("${dtype}")`);
          assertSame(found, guesses, dtype);
        }
        assert.deepEqual(foreign, []);
      } finally {
        await server.shutdown();
      }
    });
  },
);
