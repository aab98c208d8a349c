/**
 * Pretraining steps of BEiT v2 (the tokenizer's forward pass, encoder, aggregation, both losses,
 * backward, AdamW with clipping) on the `cpu` backend and in PyTorch, in turns of about a second, from
 * the same weights and inputs. Both sides must find the same codes and the same first loss.
 *
 *     deno task bench step vit_s --batch 8 --threads 2 --provider auto --precision float32 --rounds 5
 *
 * Models and their tokenizers: see `../step_models.ts`. With `--precision bfloat16` PyTorch runs under
 * autocast; `--avx2` keeps both sides to AVX2; with `--amx` ours uses tile registers, as PyTorch does wherever
 * there are any; `--python` says which one has PyTorch.
 *
 * @module
 */

import { median } from "../../core/median.ts";
import { readOptions } from "../options.ts";
import { calm, compare, keep, mean, stepsOfRound, timed } from "../report.ts";
import { openPair, usualOptions } from "./pair.ts";

const { options, positionals: [model] } = readOptions({ ...usualOptions, rounds: 5 });
const { batch, threads, provider, precision, avx2, amx, rounds } = options;
const { backend, peer, facts, step } = await openPair(model, options);

const ours: number[] = [];
const theirs: number[] = [];
const steps = stepsOfRound(timed(step));
// The first round does not count: memory is slow when it is touched first.
for (let round = 0; round <= rounds; round++) {
  await calm();
  const own = mean(Array.from({ length: steps }, () => timed(step)));
  await calm();
  const { seconds } = await peer.ask<{ seconds: number[] }>({ do: "step", count: steps });
  if (round === 0) continue;
  ours.push(own);
  theirs.push(mean(seconds));
}
await peer.close();
const summary = {
  ...facts,
  stepsOfRound: steps,
  imagesPerSecond: { ours: batch / median(ours), pytorch: batch / median(theirs) },
  ...compare(ours, theirs),
};
console.log(JSON.stringify(summary, null, 2));
const limits = [...(avx2 ? ["avx2"] : []), ...(amx ? ["amx"] : [])];
const name = ["cpu_step", model, batch, provider, threads, precision, ...limits];
await keep(name.join("_"), { ...summary, seconds: { ours, pytorch: theirs } });
await backend.dispose();
