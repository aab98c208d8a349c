/**
 * Whether `precision: auto` is ever slower than float32: for several models and batches, what it chooses, and
 * whole steps (as in `step.ts`) in both formats, in turns. float32 runs twice in each round, so that the noise
 * is known.
 *
 *     deno task bench auto --threads 2 --rounds 7
 *
 * @module
 */

import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import type { Backend, Precision } from "../../backends/backend.ts";
import { median } from "../../core/median.ts";
import { fastestFormat, formatTimes } from "../../pipeline/engine/computing/choose_precision.ts";
import { stepSample } from "../../pipeline/engine/computing/time_step.ts";
import { readOptions } from "../options.ts";
import { calm, keep, timed } from "../report.ts";
import { openStepTokenizer, stepModel } from "../step_models.ts";
import { Trainee } from "../trainee.ts";

const cases: readonly [model: string, batch: number][] = [
  ["quickstart", 1],
  ["quickstart", 8],
  ["quickstart", 16],
  ["quickstart", 32],
  ["vit_s", 1],
  ["vit_s", 8],
  ["vit_b", 2],
];

const { options } = readOptions({ threads: 2, provider: "auto", rounds: 7 });
const { threads, rounds } = options;

/** Steps in a row that take about a third of a second: many short turns see the same load. */
const secondsOfTurn = 0.3;

const backend = await createCpuBackend({
  threads,
  provider: options.provider as CpuBackendOptions["provider"],
  measurements: new Map(),
});
const { description, kernels } = backend.capabilities;
console.log(JSON.stringify({ description, kernels }));
const steps = [];
for (const [model, batch] of cases) {
  const result = await compareFormats(backend, model, batch);
  console.log(JSON.stringify({ ...result, seconds: undefined }));
  steps.push(result);
  // Large models take long: what there is, is kept.
  await keep(`cpu_auto_${threads}`, { threads, provider: description, kernels, steps });
}
await backend.dispose();

/** What `auto` chooses for a model and batch, and what a step takes with it and in float32. */
async function compareFormats(backend: Backend, model: string, batch: number) {
  const config = stepModel(model);
  const formats: Precision[] = ["float32", ...backend.capabilities.reducedPrecisions];
  const block = await formatTimes(formats, {
    backend,
    sample: stepSample(config, batch),
    measurements: new Map(),
  });
  const chosen = fastestFormat(block);
  const tokenizer = await openStepTokenizer({ backend, precision: "float32" }, config);
  const sides = formats.map((precision) => ({
    precision,
    trainee: new Trainee(backend, { config, batch, precision, tokenizer }),
  }));
  const step = (trainee: Trainee) => {
    const loss = trainee.step();
    loss.dataSync();
    loss.dispose();
  };
  const run = ({ trainee }: { trainee: Trainee }, count: number) =>
    timed(() => {
      for (let index = 0; index < count; index++) step(trainee);
    }) / count;
  const count = Math.max(1, Math.round(secondsOfTurn / Math.min(...sides.map((it) => run(it, 1)))));
  const seconds: Record<string, number[]> = { again: [] };
  for (let round = 0; round < rounds; round++) {
    for (const side of sides) {
      (seconds[side.precision] ??= []).push(await after(() => run(side, count)));
    }
    seconds.again.push(await after(() => run(sides[0], count)));
  }
  for (const { trainee } of sides) trainee.dispose();
  tokenizer.dispose();
  /** Of float32's time in the same round: other programs slow down neighbours alike. */
  const speedup = (name: string) =>
    median(seconds[name].map((time, round) => seconds.float32[round] / time));
  return {
    ...{ model, batch, chosen, block },
    speedups: Object.fromEntries([...formats, "again"].map((side) => [side, speedup(side)])),
    seconds,
  };
}

async function after(measure: () => number): Promise<number> {
  await calm();
  return measure();
}
