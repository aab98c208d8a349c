/**
 * What reading numbers from a GPU costs: one tensor; a hundred, one after another and together; and the steps of
 * a small model, read at each step and several at a time as a run does.
 *
 *     deno run -A bench/webgpu/reading.ts [model quickstart] [batch 16] [rounds 9] [--webgpu deno]
 *
 * @module
 */

import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { median } from "../../core/median.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import { StepReader } from "../../pipeline/engine/training/step_reader.ts";
import { readOptions } from "../options.ts";
import { compare, keep } from "../report.ts";
import { stepModel } from "../step_models.ts";
import { Trainee } from "../trainee.ts";
import { implementationOf } from "./implementation.ts";

const { options, positionals } = readOptions({ webgpu: "deno" });
const [name = "quickstart", batchText = "16", roundsText = "9"] = positionals;
const [batch, rounds] = [Number(batchText), Number(roundsText)];
/** In a round, of each kind. */
const steps = 12;
const tensors = 100;

// Which steps in float32 do not use.
const matrices = false;
const backend = await createWebgpuBackend({ ...implementationOf(options.webgpu), matrices });
const on = { backend, precision: "float32" } as const;
const trainee = new Trainee(backend, { ...on, config: stepModel(name), batch });

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  await backend.sync();
  const start = performance.now();
  await work();
  return performance.now() - start;
}

async function readTensors(count: number, isTogether: boolean): Promise<number> {
  const all = backend.run(() =>
    Array.from({ length: count }, (_, index) => tf.tidy(() => tf.add(tf.ones([8]), index)))
  );
  const spent = await milliseconds(async () => {
    if (isTogether) return await Promise.all(all.map((tensor) => tensor.data()));
    for (const tensor of all) await tensor.data();
  });
  tf.dispose(all);
  return spent;
}

/** As the trainer did before steps shared reads: each read starts with its step and is awaited a step later. */
async function readEachStep(): Promise<void> {
  let before: Promise<unknown> | null = null;
  for (let step = 0; step < steps; step++) {
    const loss = trainee.step();
    const values = loss.data().finally(() => loss.dispose());
    await before;
    before = values;
  }
  await before;
}

async function shareReads(): Promise<void> {
  const reader = new StepReader(on);
  const news = { isStopping: false, warnings: 0 };
  for (let step = 1; step <= steps; step++) {
    const loss = trainee.step();
    const packed = backend.run(() => tf.reshape(loss, [1])) as Tensor;
    loss.dispose();
    const rest = { learningRate: 0, dataTime: 0, stages: {} };
    await reader.add({ step, names: ["loss"], packed, ...rest }, news);
  }
  await reader.finish(news);
}

await readEachStep();
await shareReads();
const spent = { one: [], apart: [], together: [], eachStep: [], shared: [] } as Record<
  "one" | "apart" | "together" | "eachStep" | "shared",
  number[]
>;
for (let round = 0; round < rounds; round++) {
  spent.one.push(await readTensors(1, true));
  spent.apart.push(await readTensors(tensors, false));
  spent.together.push(await readTensors(tensors, true));
  spent.eachStep.push(await milliseconds(readEachStep) / steps);
  spent.shared.push(await milliseconds(shareReads) / steps);
}
const result = {
  adapter: backend.capabilities.description,
  webgpu: options.webgpu,
  ...{ model: name, batch, tensors },
  milliseconds: Object.fromEntries(
    Object.entries(spent).map(([kind, times]) => [kind, median(times)]),
  ),
  together: compare(spent.together, spent.apart),
  steps: compare(spent.shared, spent.eachStep),
};
console.log(JSON.stringify(result, null, 2));
await keep(`webgpu_reading_${name}_${batch}_${options.webgpu}`, result);
trainee.dispose();
await backend.dispose();
