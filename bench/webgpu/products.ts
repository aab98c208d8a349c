/**
 * Every tiling of the matrix products at the shapes of ViT-S and ViT-B: TFLOP/s forward (c = a·bᵀ) and
 * backward (both gradients).
 *
 *     deno run -A bench/webgpu/products.ts [images 64] [inputs x outputs by comma] [--webgpu deno]
 *
 * @module
 */

import { summarizeAdapter } from "../../backends/webgpu/adapter.ts";
import {
  fits,
  productsByThreads,
  timeTilings,
} from "../../backends/webgpu/products/choose_tilings.ts";
import { type TilingName, TILINGS } from "../../backends/webgpu/products/tilings.ts";
import { openRunner } from "../../backends/webgpu/open_runner.ts";
import { readOptions } from "../options.ts";
import { keep } from "../report.ts";
import { implementationOf } from "./implementation.ts";
import { warmUp } from "./warm_up.ts";

const { options, positionals: [images = "64", given] } = readOptions({ webgpu: "deno" });
const rows = Number(images) * 197;
const usual = "384x1536,1536x384,768x2304,768x768,768x3072,3072x768";
const shapes = (given ?? usual).split(",").map((shape) => shape.split("x").map(Number));

const { adapter, runner, runtime } = await openRunner(implementationOf(options.webgpu));
const results = [];
const names = (Object.keys(TILINGS) as TilingName[]).filter((name) => fits(name, adapter.limits));
for (const [inputs, outputs] of shapes) {
  const layer = [rows, inputs, outputs] as const;
  const times = await timeTilings(runner, names, layer, {
    productsOf: productsByThreads(runner),
    warmUp: (run) => warmUp(runtime, run),
  });
  for (const [tiling, { forward, backward }] of times) {
    const gigaflop = 2 * rows * inputs * outputs / 1e9;
    const teraflops = { forward: gigaflop / forward, backward: 2 * gigaflop / backward };
    results.push({ rows, inputs, outputs, tiling, ...teraflops });
    console.log(JSON.stringify(results.at(-1)));
  }
}
const own = options.webgpu === "deno" ? "" : `_${options.webgpu}`;
await keep(`webgpu_products${own}`, { adapter: summarizeAdapter(adapter).description, results });
runtime.dispose();
