/**
 * The playground as files for any web host.
 *
 * @module
 */

import { decodePortableAnymap } from "../data/images/decode_anymap.ts";
import { openSource } from "../data/sources/open_source.ts";
import { dataLocation } from "../pipeline/images/data_sources.ts";
import { encodePng } from "../report/png.ts";
import { figureCardsStyle, pageColors } from "../report/html.ts";
import { curvePlotStyle } from "../report/curve_plot.ts";
import { resolveConfig } from "../methods/configs.ts";
import type { PretrainConfig } from "../methods/beit/config.ts";
import { bundleModules } from "./bundle.ts";
import { headersFile } from "./headers.ts";

const root = new URL("../", import.meta.url);

/** Programs of the page and of its threads. */
const entries = [
  "playground/page/main.ts",
  "playground/self_test/self_checks.ts",
  "playground/studio/studio_worker.ts",
  "backends/cpu/threads/worker_web.ts",
  "playground/training/training_worker.ts",
  // What the program finds instead of Node's modules.
  "playground/disk/node_crypto.ts",
  "playground/disk/node_path.ts",
  "playground/disk/node_url.ts",
  "playground/disk/node_zlib.ts",
];

/** Files that are taken as they are, by their names on the host. */
const copies: Readonly<Record<string, string>> = {
  "index.html": "playground/index.html",
  "self-test.html": "playground/self_test.html",
  "assets/fashion-mnist.tar.gz": "assets/fashion-mnist.tar.gz",
  "assets/vqkd_quickstart.safetensors": "assets/vqkd_quickstart.safetensors",
  "assets/vqkd_lite0.safetensors": "assets/vqkd_lite0.safetensors",
  "assets/beit_quickstart.safetensors": "playground/assets/beit_quickstart.safetensors",
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

/** Clothes among the sample pictures: the first of some classes. */
const clothes = ["sneaker", "dress", "bag", "coat"];
const drawings = ["boat.svg", "house.svg", "fish.svg", "fruit.svg"];

/** The sample pictures by their names: clothes of the bundled data, and drawings. */
async function samplePictures(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const name of drawings) {
    files.set(name, await Deno.readFile(new URL(`pictures/${name}`, import.meta.url)));
  }
  const source = await openSource(dataLocation("sample"), { split: "test" });
  try {
    for (const name of clothes) {
      const label = source.classes.indexOf(name);
      const places = Array.from({ length: source.length }, (_, index) => index);
      const place = places.find((index) => source.entry(index).label === label)!;
      const image = decodePortableAnymap(await source.read(place));
      files.set(`${name}.png`, await encodePng(image));
    }
  } finally {
    source.close?.();
  }
  return files;
}

/** The style of the page: that of reports, and its own. */
async function readStyles(): Promise<string> {
  const own = ["style.css", "training/training.css"];
  const texts = await Promise.all(
    own.map((path) => Deno.readTextFile(new URL(path, import.meta.url))),
  );
  return [pageColors, figureCardsStyle, curvePlotStyle, ...texts].join("");
}

/** The files of the page by their paths on the host. */
export async function buildPlayground(): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const encoder = new TextEncoder();
  const [programs, config, pictures, style] = await Promise.all([
    bundleModules(entries.map((path) => new URL(path, root))),
    pageConfig(),
    samplePictures(),
    readStyles(),
  ]);
  const texts = new Map([
    ...programs,
    ["_headers", headersFile],
    ["style.css", style],
    ["quickstart.json", JSON.stringify(config)],
    ["pictures.json", JSON.stringify([...pictures.keys()])],
  ]);
  const files = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [path, text] of texts) files.set(path, encoder.encode(text));
  for (const [name, bytes] of pictures) files.set(`pictures/${name}`, bytes);
  for (const [path, from] of Object.entries(copies)) {
    files.set(path, await Deno.readFile(new URL(from, root)));
  }
  return files;
}
