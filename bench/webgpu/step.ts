/**
 * Pretraining steps of BEiT v2 (tokenizer, encoder, aggregation, both losses, backward pass, AdamW with
 * clipping) on the `webgpu` backend: our kernels and tfjs' own take turns on one device, with the same
 * weights and inputs. Prints dispatches, times and bytes.
 *
 *     deno run -A bench/webgpu/step.ts <model> [batch 2] [float32|float16] [rounds 5] [ours|both|count]
 *
 * `count` records steps of ours without computing them, to count dispatches: an emulated GPU takes minutes for a step.
 *
 * Models: see `../step_models.ts`; vit_b comes with a full-size tokenizer, the others with none.
 *
 * @module
 */

import type { Backend, Precision } from "../../backends/backend.ts";
import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { Trainee } from "../trainee.ts";
import { median } from "../../core/median.ts";
import { keep } from "../report.ts";
import { openStepTokenizer, stepModel } from "../step_models.ts";

const [name, batchText, precisionText, roundsText, who] = Deno.args;
const config = stepModel(name);
const batch = Number(batchText ?? 2);
const precision = (precisionText ?? "float32") as Precision;
const rounds = Number(roundsText ?? 5);

const onlyCounts = who === "count";
if (onlyCounts) GPUComputePassEncoder.prototype.dispatchWorkgroups = () => {};
const device = await createWebgpuBackend({ implementation: "deno" });
/** The same device without our kernels. */
const stock: Backend = {
  name: "tfjs",
  capabilities: device.capabilities,
  kernels: {},
  run: (work) => device.run(work),
  sync: () => device.sync(),
  memory: () => device.memory(),
  dispose: () => Promise.resolve(),
};

interface Measured {
  readonly seconds: number[];
  readonly losses: number[];
  dispatches: number;
}

async function measureStep(trainee: Trainee, into: Measured): Promise<void> {
  const [before, start] = [device.dispatches, performance.now()];
  const loss = trainee.step();
  into.losses.push((await loss.data())[0]);
  into.seconds.push((performance.now() - start) / 1000);
  into.dispatches = device.dispatches - before;
  loss.dispose();
}

const hasTokenizer = name === "vit_b";

async function createTrainee(backend: Backend, precision: Precision): Promise<Trainee> {
  const tokenizer = hasTokenizer ? await openStepTokenizer({ backend, precision }, config) : null;
  return new Trainee(backend, { config, batch, precision, tokenizer });
}

/** Dispatches of a step after the first, which compiles, moves parameters and derives copies. */
async function countDispatches(): Promise<void> {
  const trainee = await createTrainee(device, precision);
  trainee.step().dispose();
  const before = device.dispatches;
  trainee.step().dispose();
  const adapter = device.capabilities.description;
  const result = { adapter, model: name, batch, precision, dispatches: device.dispatches - before };
  console.log(JSON.stringify(result, null, 2));
  await keep(`webgpu_dispatches_${name}_${precision}`, result);
}

if (onlyCounts) {
  await countDispatches();
  Deno.exit(0);
}
const ours = await createTrainee(device, precision);
const theirs = who === "ours" ? null : await createTrainee(stock, "float32");
const results: Record<string, Measured> = {
  ours: { seconds: [], losses: [], dispatches: 0 },
  ...(theirs === null ? {} : { tfjs: { seconds: [], losses: [], dispatches: 0 } }),
};
const peaks: number[] = [];
for (let round = 0; round <= rounds; round++) {
  await measureStep(ours, results.ours);
  peaks.push(device.memory().reservedBytes);
  if (theirs !== null) await measureStep(theirs, results.tfjs);
}
const summary = Object.fromEntries(
  Object.entries(results).map(([who, { seconds, losses, dispatches }]) => [who, {
    dispatches,
    seconds: median(seconds.slice(1)),
    firstSeconds: seconds[0],
    losses,
  }]),
);
const result = {
  adapter: device.capabilities.description,
  model: name,
  batch,
  precision,
  ...summary,
  ratio: theirs === null
    ? null
    : median(results.tfjs.seconds.slice(1)) / median(results.ours.seconds.slice(1)),
  reservedBytes: peaks,
};
console.log(JSON.stringify(result, null, 2));
await keep(`webgpu_step_${name}_${precision}${theirs === null ? "_ours" : ""}`, result);
await device.dispose();
