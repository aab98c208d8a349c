/**
 * The playground as files for any web host.
 *
 * @module
 */

import { pageColors } from "../report/html.ts";
import { resolveConfig } from "../methods/configs.ts";
import type { PretrainConfig } from "../methods/beit/config.ts";
import { bundleModules } from "./bundle.ts";

const root = new URL("../", import.meta.url);

/** Programs of the page and of its threads. */
const entries = [
  "playground/page/main.ts",
  "playground/self_test/self_test.ts",
  "backends/cpu/threads/worker_web.ts",
];

/** Files that are taken as they are, by their names on the host. */
const copies: Readonly<Record<string, string>> = {
  "index.html": "playground/index.html",
  "self-test.html": "playground/self_test.html",
  "assets/fashion-mnist.tar.gz": "assets/fashion-mnist.tar.gz",
  "assets/vqkd_quickstart.safetensors": "assets/vqkd_quickstart.safetensors",
};

/** The quick start's config without what a page cannot do: workers, evaluation of the result. */
export async function pageConfig(): Promise<PretrainConfig> {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [
      "precision=float32",
      "data.workers=0",
      "evaluation.knn.atEnd=false",
      "evaluation.linear.atEnd=false",
    ],
  });
  return config;
}

/** The files of the page by their paths on the host. */
export async function buildPlayground(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const encoder = new TextEncoder();
  const [programs, config, style] = await Promise.all([
    bundleModules(entries.map((path) => new URL(path, root))),
    pageConfig(),
    Deno.readTextFile(new URL("style.css", import.meta.url)),
  ]);
  const texts = new Map([
    ...programs,
    ["style.css", pageColors + style],
    ["quickstart.json", JSON.stringify(config)],
  ]);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, text] of texts) files.set(path, encoder.encode(text));
  for (const [path, from] of Object.entries(copies)) {
    files.set(path, await Deno.readFile(new URL(from, root)));
  }
  return files;
}
