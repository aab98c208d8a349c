/**
 * Pretraining steps of BEiT v2 on our `wasm` provider compared with tfjs' own WebAssembly and JavaScript
 * backends, which run the same model as plain tfjs ops. They take turns of about a second, at least one
 * step each, and must start from the same loss.
 *
 *     deno task bench tfjs quickstart --batch 8 --threads 2 --rounds 3
 *
 * Outside browsers, tfjs computes on one thread. Its WebAssembly backend has every kernel the step
 * needs.
 *
 * @module
 */

import { median } from "../../core/median.ts";
import { readOptions } from "../options.ts";
import { calm, compare, keep, mean, stepsOfRound } from "../report.ts";
import { Peer } from "./peer.ts";

const { options, positionals: [model] } = readOptions({ batch: 8, threads: 2, rounds: 3 });
const { batch, threads, rounds } = options;

interface Answer {
  readonly loss: number;
  readonly seconds: number[];
}

const program = new URL("./tfjs_side.ts", import.meta.url).pathname;
const sides = await Promise.all(["wasm", "tfjs:wasm", "tfjs:cpu"].map(async (name) => {
  const args = ["run", "-A", program, name, model, String(batch), String(threads)];
  const peer = new Peer(Deno.execPath(), { args });
  const { loss, seconds } = await peer.ask<Answer>({ do: "step", count: 2 });
  return {
    name: name === "wasm" ? "ours" : name,
    peer,
    firstLoss: loss,
    steps: stepsOfRound(seconds[1]),
    seconds: [] as number[],
  };
}));
const [ours, ...others] = sides;
const firstLosses = Object.fromEntries(sides.map(({ name, firstLoss }) => [name, firstLoss]));
console.log(JSON.stringify(firstLosses));
for (const { firstLoss } of others) {
  if (Math.abs(firstLoss - ours.firstLoss) > 1e-4 * firstLoss) throw new Error("The losses differ");
}
for (let round = 0; round < rounds; round++) {
  for (const { peer, steps, seconds } of sides) {
    await calm();
    seconds.push(mean((await peer.ask<Answer>({ do: "step", count: steps })).seconds));
  }
}
const ofEach = <Value>(value: (side: (typeof sides)[number]) => Value) =>
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
for (const { peer } of sides) await peer.close();
