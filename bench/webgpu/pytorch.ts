/**
 * Pretraining steps of BEiT v2 (the tokenizer's forward pass, encoder, aggregation, both losses,
 * backward pass, AdamW with clipping) on a GPU: ours through WebGPU and PyTorch's through CUDA take turns,
 * with the same weights and inputs. Prints images per second, their ratio, and where our time goes.
 *
 *     deno run -A bench/webgpu/pytorch.ts vit_s --batch 64 --precision float32 --rounds 5 --webgpu deno
 *
 * Models and their tokenizers: see `../step_models.ts`. A round is five steps that do not wait for one
 * another. With `--precision float16` PyTorch runs under autocast with a gradient scaler. First losses
 * must agree to 1e-4, in float16 to 1 %. PyTorch computes float32 products in full precision unless
 * `TORCH_ALLOW_TF32_CUBLAS_OVERRIDE=1` is set. `--device cpu` is for trying it out without a GPU.
 *
 * @module
 */

import type { Precision } from "../../backends/backend.ts";
import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { openMeasurements } from "../../checkpoints/hub/measurements.ts";
import { median } from "../../core/median.ts";
import { type BeitConfig, gridSize } from "../../models/beit_config.ts";
import { Peer } from "../cpu/peer.ts";
import { readOptions } from "../options.ts";
import { calm, compare, keep } from "../report.ts";
import { openStepTokenizer, stepModel } from "../step_models.ts";
import { maskedPatches, Trainee } from "../trainee.ts";
import { implementationOf } from "./implementation.ts";

const { options, positionals: [name] } = readOptions({
  batch: 64,
  precision: "float32",
  rounds: 5,
  python: "python3",
  device: "cuda",
  webgpu: "deno",
});
const { batch, rounds, device } = options;
const config = stepModel(name);
const precision = options.precision as Precision;
const together = 5;

const backend = await createWebgpuBackend({
  ...implementationOf(options.webgpu),
  // Tilings that another run has chosen on this GPU.
  measurements: openMeasurements(),
});
const tokenizer = await openStepTokenizer({ backend, precision }, config);
const trainee = new Trainee(backend, { config, batch, precision, tokenizer });
const peer = new Peer(options.python);
const threads = navigator.hardwareConcurrency;
const pytorch = await peer.load(trainee, {
  config,
  tokenizer: tokenizer.config,
  threads,
  precision,
  device,
});
const { codes } = await peer.ask<{ codes: number[] }>({ do: "tokenize" });
const sameCodes = await shareOf(codes);
const theirFirst = await peer.ask<{ loss: number }>({ do: "step", count: 1, together: 1 });
const firstLosses = { ours: await runSteps(1), pytorch: theirFirst.loss };
console.log(JSON.stringify({ ...pytorch, sameCodes, firstLosses }));
const tolerance = precision === "float32" ? 1e-4 : 1e-2;
if (!(Math.abs(firstLosses.ours / firstLosses.pytorch - 1) <= tolerance)) {
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
const flops = operations(config);
const result = {
  adapter: backend.capabilities.description,
  pytorch,
  model: name,
  batch,
  precision,
  tf32: Deno.env.get("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE") === "1",
  sameCodes,
  firstLosses,
  dispatches,
  imagesPerSecond: { ours: batch / median(ours), pytorch: batch / median(theirs) },
  ...compare(ours, theirs),
  /** Of the matrix products and of attention; a multiplication and an addition are two. */
  teraflops: { ours: flops / median(ours) / 1e12, pytorch: flops / median(theirs) / 1e12 },
  milliseconds: await profile(),
  seconds: { ours, pytorch: theirs },
};
const { seconds: _times, ...summary } = result;
console.log(JSON.stringify(summary, null, 2));
const tf32 = result.tf32 ? "_tf32" : "";
const own = options.webgpu === "deno" ? "" : `_${options.webgpu}`;
await keep(`webgpu_pytorch_${name}_${batch}_${precision}${tf32}${own}`, result);
trainee.dispose();
await backend.dispose();

/** The share of `codes` on which our tokenizer agrees. */
async function shareOf(codes: number[]): Promise<number> {
  const ids = trainee.tokenize()!;
  const own = await ids.data();
  ids.dispose();
  return codes.filter((code, row) => code === own[row]).length / own.length;
}

/** The loss of the last of `count` steps. */
async function runSteps(count: number): Promise<number> {
  for (let step = 1; step < count; step++) trainee.step().dispose();
  const loss = trainee.step();
  const value = (await loss.data())[0];
  loss.dispose();
  return value;
}

/** Milliseconds of each kernel in a separate step, largest first. */
async function profile(): Promise<Record<string, number>> {
  backend.startProfile();
  await runSteps(1);
  const spans = await backend.stopProfile();
  const sums: Record<string, number> = {};
  for (const { name, seconds } of spans) sums[name] = (sums[name] ?? 0) + seconds * 1000;
  return Object.fromEntries(Object.entries(sums).sort(([, a], [, b]) => b - a));
}

/**
 * Floating-point operations of a step over all patches: the model's forward and backward pass, the
 * tokenizer's forward pass. Ours skips some in the last blocks.
 */
function operations({ headLayers, codes, ...config }: BeitConfig): number {
  const heads = 2 * maskedPatches(config) * config.embedDim * codes;
  const trained = encoder({ ...config, depth: config.depth + headLayers }) + heads;
  return batch * 2 * (3 * trained + encoder(tokenizer.config));
}

/** Multiplications of an encoder's forward pass for one image. */
function encoder(
  { embedDim, mlpRatio, depth, patchSize, ...size }: Pick<
    BeitConfig,
    "embedDim" | "mlpRatio" | "depth" | "patchSize" | "imageSize"
  >,
): number {
  const patches = gridSize({ patchSize, ...size }) ** 2;
  const tokens = patches + 1;
  const block = tokens * embedDim ** 2 * (4 + 2 * mlpRatio) + 2 * tokens ** 2 * embedDim;
  return depth * block + patches * 3 * patchSize ** 2 * embedDim;
}
