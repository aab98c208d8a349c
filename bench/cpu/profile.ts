/**
 * What a training step on the `cpu` backend spends its time on: the programs that the threads are handed, by the
 * names of their tasks, and how many there are.
 *
 *     deno task bench profile vit_s --batch 8 --threads 1 --precision bfloat16 --steps 5
 *
 * A name with several tasks is one program. `elsewhere` is what the main thread does between them.
 *
 * @module
 */

import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import type { ArenaBackend } from "../../backends/cpu/tfjs/arena_backend.ts";
import { tf } from "../../deps/tfjs.ts";
import { readOptions } from "../options.ts";
import { keep, timed } from "../report.ts";
import { openStepTokenizer, stepModel } from "../step_models.ts";
import { Trainee } from "../trainee.ts";
import { usualOptions } from "./pair.ts";

const { options, positionals: [model] } = readOptions({ ...usualOptions, steps: 5 });
const { batch, threads, steps } = options;
const precision = options.precision === "bfloat16" ? "bfloat16" : "float32";
const provider = options.provider as NonNullable<CpuBackendOptions["provider"]>;
const backend = await createCpuBackend({ threads, provider });
const config = stepModel(model);
const tokenizer = await openStepTokenizer({ backend, precision }, config);
const trainee = new Trainee(backend, { config, batch, precision, tokenizer });
const step = () => {
  const loss = trainee.step();
  loss.dataSync();
  loss.dispose();
};
// The first ones touch the memory.
step();
step();

const found = new Map<string, { count: number; seconds: number }>();
const { pool } = backend.run(() => tf.backend() as unknown as ArenaBackend);
pool.onSpan = ({ name, seconds }) => {
  const before = found.get(name) ?? { count: 0, seconds: 0 };
  found.set(name, { count: before.count + 1, seconds: before.seconds + seconds });
};
const total = timed(() => {
  for (let turn = 0; turn < steps; turn++) step();
});
pool.onSpan = null;

const share = (seconds: number) => Number((100 * seconds / total).toFixed(1));
const programs = [...found].sort(([, a], [, b]) => b.seconds - a.seconds).map(
  ([name, { count, seconds }]) => ({ name, perStep: count / steps, percent: share(seconds) }),
);
const inside = [...found.values()].reduce((sum, { seconds }) => sum + seconds, 0);
const summary = {
  model,
  batch,
  threads,
  precision,
  secondsOfStep: total / steps,
  programsOfStep: programs.reduce((sum, { perStep }) => sum + perStep, 0),
  elsewherePercent: share(total - inside),
};
console.log(summary);
console.table(programs.slice(0, 20));
await keep(`cpu_profile_${model}_${batch}_${threads}_${precision}`, { ...summary, programs });
await backend.dispose();
