/**
 * Pretraining steps of BEiT v2 (encoder, aggregation, both losses, backward, AdamW with clipping) on a
 * GPU: ours through WebGPU and PyTorch's through CUDA, in turns, from the same weights and inputs.
 * Prints images per second, their ratio, and where our time goes.
 *
 *     deno run -A bench/webgpu/pytorch.ts <model> [batch 64] [float32|float16] [rounds 5] [python3]
 *
 * Models: see `../_step_models.ts`. A round is five steps which do not wait for one another. In
 * float16 PyTorch runs under autocast with a gradient scaler, and the first losses must agree to 1 %,
 * in float32 to 1e-4. PyTorch computes products of float32 as such, unless
 * `TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1` is set.
 *
 * @module
 */

import type { Precision } from "../../backends/backend.ts";
import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { gridSize } from "../../models/beit_config.ts";
import { median } from "../../core/median.ts";
import { Peer } from "../cpu/_peer.ts";
import { stepModel } from "../_step_models.ts";
import { calm, compare, keep } from "../_report.ts";
import { Trainee } from "../_trainee.ts";

const [name, batchText, precisionText, roundsText, python] = Deno.args;
const config = stepModel(name);
const batch = Number(batchText ?? 64);
const precision = (precisionText ?? "float32") as Precision;
const rounds = Number(roundsText ?? 5);
const together = 5;

const backend = await createWebgpuBackend();
const trainee = new Trainee(backend, { config, batch, precision });
const peer = new Peer(python ?? "python3");
const threads = navigator.hardwareConcurrency;
const facts = await peer.load(trainee, { config, threads, precision, device: "cuda" });
console.log(JSON.stringify(facts));
const theirFirst = await peer.ask<{ loss: number }>({ do: "step", count: 1, together: 1 });
const ourFirst = await runSteps(1);
console.log(`first loss: ours ${ourFirst}, PyTorch ${theirFirst.loss}`);
const tolerance = precision === "float32" ? 1e-4 : 1e-2;
if (!(Math.abs(ourFirst - theirFirst.loss) <= tolerance * theirFirst.loss)) {
  throw new Error("The losses differ");
}
await runSteps(together);
const before = backend.dispatches;
await runSteps(1);
const dispatches = backend.dispatches - before;
const ours: number[] = [];
const theirs: number[] = [];
for (let round = 0; round < rounds; round++) {
  await calm();
  const start = performance.now();
  await runSteps(together);
  ours.push((performance.now() - start) / 1000 / together);
  await calm();
  const { seconds } = await peer.ask<{ seconds: number[] }>({ do: "step", count: 1, together });
  theirs.push(seconds[0] / together);
}
await peer.close();
const kernels = await profile();
const result = {
  adapter: backend.capabilities.description,
  model: name,
  batch,
  precision,
  tf32: Deno.env.get("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE") === "1",
  dispatches,
  imagesPerSecond: { ours: batch / median(ours), pytorch: batch / median(theirs) },
  ...compare(ours, theirs),
  /** Of the products of the model, forward and backward; a multiplication and an addition are two. */
  teraflops: { ours: work() / median(ours) / 1e12, pytorch: work() / median(theirs) / 1e12 },
  seconds: { ours, pytorch: theirs },
  milliseconds: kernels,
};
console.log(JSON.stringify(result, null, 2));
const tf32 = result.tf32 ? "_tf32" : "";
await keep(`webgpu_pytorch_${name}_${batch}_${precision}${tf32}`, result);
trainee.dispose();
await backend.dispose();

/** The loss of the last of `count` steps. */
async function runSteps(count: number): Promise<number> {
  for (let step = 1; step < count; step++) trainee.step().dispose();
  const loss = trainee.step();
  const value = (await loss.data())[0];
  loss.dispose();
  return value;
}

/** Milliseconds of each kernel in a step of its own, the largest first. */
async function profile(): Promise<Record<string, number>> {
  backend.startProfile();
  await runSteps(1);
  const spans = await backend.stopProfile();
  const sums: Record<string, number> = {};
  for (const { name, seconds } of spans) sums[name] = (sums[name] ?? 0) + seconds * 1000;
  return Object.fromEntries(Object.entries(sums).sort(([, a], [, b]) => b - a));
}

/** Floating-point operations of the products in a step. */
function work(): number {
  const { embedDim, mlpRatio, depth, headLayers, patchSize, codes } = config;
  const patches = gridSize(config) ** 2;
  const tokens = patches + 1;
  const block = tokens * embedDim ** 2 * (4 + 2 * mlpRatio) + 2 * tokens ** 2 * embedDim;
  const heads = 2 * Math.floor(patches * 0.4) * embedDim * codes;
  const embedding = patches * 3 * patchSize ** 2 * embedDim;
  return batch * 2 * 3 * ((depth + headLayers) * block + heads + embedding);
}
