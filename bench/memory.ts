/**
 * The memory of a pretraining step, measured and compared with the plan: on webgpu in float32, in
 * float16 and with all blocks recomputed, on cpu in float32. The measurement is the peak of tensor bytes
 * (weights, moments, gradients, activations, scratch) from the start of the second step.
 *
 *     deno run -A bench/memory.ts <model> [batch 16] [all|precisions]
 *
 * Models: see `step_models.ts`; `precisions` skips cpu and recomputation.
 *
 * @module
 */

import type { Backend, Precision } from "../backends/backend.ts";
import { createCpuBackend } from "../backends/cpu/mod.ts";
import { createWebgpuBackend } from "../backends/webgpu/mod.ts";
import { planMemory } from "../pipeline/engine/planning/plan.ts";
import { modelFootprint } from "../methods/beit/plan.ts";
import { maskedPatches, Trainee } from "./trainee.ts";
import { keep } from "./report.ts";
import { stepModel } from "./step_models.ts";

const [name, batchText, which = "all"] = Deno.args;
const config = stepModel(name);
const batch = Number(batchText ?? 16);
const blocks = config.depth + config.headLayers;

async function measure(backend: Backend, precision: Precision, recompute: number) {
  const trainee = new Trainee(backend, { config, batch, precision, recompute });
  for (let step = 0; step < 2; step++) {
    const loss = trainee.step();
    await loss.data();
    loss.dispose();
  }
  const { peakBytes, reservedBytes } = backend.memory();
  const plan = planMemory(
    { ...modelFootprint(config, maskedPatches(config)), frozenParameters: 0 },
    batch,
    {
      activationBytes: precision !== "float32" && backend.capabilities.halvesActivations ? 2 : 4,
      recompute,
    },
  );
  trainee.dispose();
  return {
    backend: backend.name,
    precision,
    recompute,
    peakBytes,
    reservedBytes,
    planned: plan,
    plannedOverPeak: plan.peak / peakBytes!,
  };
}

const cases = [
  { create: createWebgpuBackend, precision: "float32", recompute: 0 },
  { create: createWebgpuBackend, precision: "float16", recompute: 0 },
  { create: createWebgpuBackend, precision: "float32", recompute: blocks },
  { create: createWebgpuBackend, precision: "float16", recompute: blocks },
  { create: createCpuBackend, precision: "float32", recompute: 0 },
  { create: createCpuBackend, precision: "float32", recompute: blocks },
] as const;
const results = [];
for (const { create, precision, recompute } of which === "all" ? cases : cases.slice(0, 2)) {
  // A fresh one, so that peaks are of this case.
  const backend = await create();
  results.push(await measure(backend, precision, recompute));
  await backend.dispose();
}
const [full, half] = results;
const result = { model: name, batch, halfOverFull: half.peakBytes! / full.peakBytes!, results };
console.log(JSON.stringify(result, null, 2));
await keep(`memory_${name}`, result);
