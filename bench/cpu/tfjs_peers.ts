/**
 * Pretraining steps of BEiT v2 on our `wasm` provider beside tfjs' own WebAssembly and JavaScript
 * backends, which run the same model as plain tfjs ops; in turns of about a second or a step, with the
 * same first loss.
 *
 *     deno task bench tfjs quickstart --batch 8 --threads 2 --rounds 3
 *
 * Outside browsers tfjs computes on one thread. Its WebAssembly backend has every kernel that the
 * step takes.
 *
 * @module
 */

import { createCpuBackend } from "../../backends/cpu/mod.ts";
import { createBackend } from "../../backends/mod.ts";
import { median } from "../../core/median.ts";
import "../../deps/tfjs_cpu.ts";
import "../../deps/tfjs_wasm.ts";
import { readOptions } from "../_options.ts";
import { calm, compare, keep, mean, stepsOfRound, timed } from "../_report.ts";
import { openStepTokenizer, stepModel } from "../_step_models.ts";
import { Trainee } from "../_trainee.ts";

const { options, positionals: [model] } = readOptions({ batch: 8, threads: 2, rounds: 3 });
const { batch, threads, rounds } = options;
const config = stepModel(model);

const backends = {
  ours: await createCpuBackend({ threads, provider: "wasm" }),
  "tfjs-wasm": (await createBackend("tfjs:wasm")).backend,
  "tfjs-cpu": (await createBackend("tfjs:cpu")).backend,
};
interface Side {
  readonly name: string;
  readonly step: () => number;
  readonly firstLoss: number;
  /** Steps in a row, about a second. */
  readonly steps: number;
  readonly seconds: number[];
}

const sides: Side[] = [];
for (const [name, backend] of Object.entries(backends)) {
  const on = { backend, precision: "float32" } as const;
  const tokenizer = await openStepTokenizer(on, config);
  const trainee = new Trainee(backend, { config, batch, precision: "float32", tokenizer });
  const step = () => {
    const loss = trainee.step();
    const [value] = loss.dataSync();
    loss.dispose();
    return value;
  };
  sides.push({ name, step, firstLoss: step(), steps: stepsOfRound(timed(step)), seconds: [] });
}
const [ours, ...others] = sides;
const firstLosses = Object.fromEntries(sides.map(({ name, firstLoss }) => [name, firstLoss]));
console.log(JSON.stringify(firstLosses));
for (const { firstLoss } of others) {
  if (Math.abs(firstLoss - ours.firstLoss) > 1e-4 * firstLoss) throw new Error("The losses differ");
}
for (let round = 0; round < rounds; round++) {
  for (const { step, steps, seconds } of sides) {
    await calm();
    seconds.push(mean(Array.from({ length: steps }, () => timed(step))));
  }
}
const ofEach = <Value>(value: (side: Side) => Value) =>
  Object.fromEntries(sides.map((side) => [side.name, value(side)]));
const summary = {
  model,
  batch,
  threads: ofEach(({ name }) => name === "ours" ? threads : 1),
  firstLosses,
  imagesPerSecond: ofEach(({ seconds }) => batch / median(seconds)),
  ratios: Object.fromEntries(
    others.map(({ name, seconds }) => [name, compare(ours.seconds, seconds)]),
  ),
};
console.log(JSON.stringify(summary, null, 2));
await keep(`cpu_tfjs_${model}_${batch}_${threads}`, {
  ...summary,
  seconds: ofEach(({ seconds }) => seconds),
});
await backends.ours.dispose();
