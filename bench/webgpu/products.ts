/**
 * Every tiling of the matrix products at the shapes of ViT-S and ViT-B: TFLOP/s forward (c = a·bᵀ) and
 * backward (both gradients).
 *
 *     deno run -A bench/webgpu/products.ts [images 64]
 *
 * @module
 */

import { summarizeAdapter } from "../../backends/webgpu/adapter.ts";
import { fits, timeTilings } from "../../backends/webgpu/products/choose_tilings.ts";
import { type TilingName, TILINGS } from "../../backends/webgpu/products/matrix_product.ts";
import { openRunner } from "../../backends/webgpu/open_runner.ts";
import { keep } from "../report.ts";
import { warmUp } from "./warm_up.ts";

const rows = Number(Deno.args[0] ?? 64) * 197;
const shapes = [[384, 1536], [1536, 384], [768, 2304], [768, 768], [768, 3072], [3072, 768]];

const { adapter, runner, runtime } = await openRunner();
const results = [];
const names = (Object.keys(TILINGS) as TilingName[]).filter((name) => fits(name, adapter.limits));
for (const [inputs, outputs] of shapes) {
  const layer = [rows, inputs, outputs] as const;
  const times = await timeTilings(runner, names, layer, (run) => warmUp(runtime, run));
  for (const [tiling, { forward, backward }] of times) {
    const gigaflop = 2 * rows * inputs * outputs / 1e9;
    const teraflops = { forward: gigaflop / forward, backward: 2 * gigaflop / backward };
    results.push({ rows, inputs, outputs, tiling, ...teraflops });
    console.log(JSON.stringify(results.at(-1)));
  }
}
await keep("webgpu_products", { adapter: summarizeAdapter(adapter).description, results });
runtime.dispose();
