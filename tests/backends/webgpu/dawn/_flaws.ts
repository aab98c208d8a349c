/**
 * Compares tilings for matrix units with what threads compute, on Dawn, and prints what is wrong: `products` or
 * `attention`, and a pattern of the tilings' names.
 */
import { summarizeAdapter } from "../../../../backends/webgpu/adapter.ts";
import { attentionKernel } from "../../../../backends/webgpu/kernels/attention/attention.ts";
import { attentionTilingChoice } from "../../../../backends/webgpu/kernels/attention/attention_tilings.ts";
import {
  type AttentionUnits,
  type AttentionUnitsName,
  NO_ATTENTION_UNITS,
  tilingsThatFit,
} from "../../../../backends/webgpu/kernels/attention/attention_units.ts";
import { attentionFlawOf } from "../../../../backends/webgpu/kernels/attention/check_attention.ts";
import { timeUnits } from "../../../../backends/webgpu/kernels/attention/choose_attention_units.ts";
import { openRunner } from "../../../../backends/webgpu/open_runner.ts";
import { flawOf } from "../../../../backends/webgpu/products/check_units.ts";
import {
  findMatrixUnits,
  fitsUnits,
  MATRIX_TILINGS,
  type MatrixTilingName,
} from "../../../../backends/webgpu/products/matrix_units.ts";
import { onlyTiling, type TilingChoice } from "../../../../backends/webgpu/products/tilings.ts";

const [what, pattern] = Deno.args;
const ways = ["forward", "backward"] as const;
const { runner, runtime, adapter } = await openRunner({ implementation: "dawn" });
const summary = summarizeAdapter(adapter);
const found = findMatrixUnits(summary, adapter.info)!;
const flaws: Record<string, string | null> = {};

async function products() {
  const names = (Object.keys(MATRIX_TILINGS) as MatrixTilingName[])
    .filter((name) => new RegExp(pattern).test(name))
    .filter((name) => fitsUnits(name, found.config, found.lanes, summary.limits));
  // Several workgroups, so that the gradient of a weight is made in parts.
  const threads: TilingChoice = onlyTiling("processor32", 2);
  for (const name of names) {
    const units = { ...found, tilings: onlyTiling(name, 1) };
    for (const way of ways) {
      flaws[`${name} ${way}`] = await flawOf(runner, threads, units, way);
    }
  }
  return { flaws };
}

async function attention() {
  // Narrow heads: wide ones take the processor's compiler too long.
  const headWidth = 16;
  const memory = summary.limits.maxComputeWorkgroupStorageSize;
  const unitsOf = (names: readonly AttentionUnitsName[]) => ({ ...found, memory, names });
  const tilings = attentionTilingChoice(summary);
  const names = tilingsThatFit(unitsOf([]), summary.limits, headWidth)
    .filter((name) => new RegExp(pattern).test(name));
  for (const name of names) {
    const units = { forward: unitsOf([name]), backward: unitsOf([name]) };
    for (const way of ways) {
      flaws[`${name} ${way}`] = await attentionFlawOf(runner, { tilings, units, way, headWidth });
    }
  }
  const few = { samples: 1, tokens: 8, heads: 1, headWidth };
  const order = await timeUnits(
    { runner, tilings },
    ["threads", names[0]],
    { way: "forward", unitsOf },
    few,
  );
  const qkv = runtime.allocate([1, 8, 3 * headWidth], "float32", "float16");
  const y = runtime.allocate([1, 8, headWidth], "float32", "float16");
  const bias = runtime.allocate([1, 8, 8]);
  const dispatchesOf = (attentionUnits: AttentionUnits) => {
    const kernel = attentionKernel({ runner, attentionTilings: tilings, attentionUnits });
    const common = { qkv, bias, heads: 1, scale: 1, precision: "float16" } as const;
    const before = runtime.dispatches;
    const { saved } = kernel.forward(common);
    kernel.backward({ ...common, y, dy: y, saved });
    return runtime.dispatches - before;
  };
  const all = unitsOf(names);
  const dispatches = [NO_ATTENTION_UNITS, { forward: all, backward: all }].map(dispatchesOf);
  return { flaws, order, dispatches };
}

console.log(JSON.stringify(await (what === "products" ? products() : attention())));
runtime.flush();
await runtime.queue.onSubmittedWorkDone();
Deno.exit(0);
