/**
 * What recording a run costs: pretraining at the size of the quick start with all records (report,
 * TensorBoard, pictures, logs of every step) and without, in turns, each with one checkpoint.
 *
 *     deno run -A bench/recording.ts [steps 60] [rounds 6]
 *
 * Prints the ratio of the median times, that of each round's pair, and the share of the time that the
 * recorder itself booked. A quick start has one checkpoint in 400 steps; here there is one in `steps`, so
 * that pictures, histograms and pages weigh more than they do there.
 *
 * @module
 */

import { createBackend } from "../backends/mod.ts";
import { LogReader } from "../checkpoints/append_log.ts";
import { resolveConfig } from "../configs/resolve.ts";
import { now } from "../core/clock.ts";
import { pretrain } from "../tasks/pretrain.ts";
import { keep, median } from "./cpu/_report.ts";

const [steps, rounds] = [Number(Deno.args[0] ?? 60), Number(Deno.args[1] ?? 6)];
const { backend } = await createBackend("cpu");

/** Seconds from the start of a run of `steps` to its end, and those that the recorder booked. */
async function measure(isRecorded: boolean): Promise<{ whole: number; recorded: number }> {
  const { config } = await resolveConfig({
    task: "pretrain",
    recipe: "quickstart",
    overrides: [
      `schedule.steps=${steps}`,
      `checkpoint.everySteps=${steps}`,
      "evaluation.knn.atEnd=false",
      "evaluation.linear.atEnd=false",
      ...(isRecorded
        ? []
        : ["log.report=false", "log.tensorBoard=false", `log.everySteps=${steps}`]),
    ],
  });
  const directory = await Deno.makeTempDir();
  let [start, end] = [0, 0];
  await pretrain(config, {
    backend,
    directory,
    listener: ({ type }) => {
      if (type === "start") start = now();
      if (type === "done") end = now();
    },
  });
  let recorded = 0;
  for (const record of new LogReader(`${directory}/events.jsonl`).read()) {
    if (record.type === "recorded") recorded = Number(record.seconds);
  }
  await Deno.remove(directory, { recursive: true });
  return { whole: end - start, recorded };
}

await measure(true); // Everything compiled and loaded.
const pairs: { on: number; off: number; share: number }[] = [];
for (let round = 0; round < rounds; round++) {
  // Whoever goes first changes from round to round.
  const order = round % 2 === 0 ? [true, false] : [false, true];
  const found = new Map<boolean, { whole: number; recorded: number }>();
  for (const isRecorded of order) found.set(isRecorded, await measure(isRecorded));
  const [on, off] = [found.get(true)!, found.get(false)!];
  pairs.push({ on: on.whole, off: off.whole, share: on.recorded / on.whole });
  console.error(`round ${round + 1}: ${(on.whole / off.whole).toFixed(4)}`);
}
await backend.dispose();
const result = {
  steps,
  rounds,
  ratio: median(pairs.map(({ on }) => on)) / median(pairs.map(({ off }) => off)),
  ratiosOfPairs: pairs.map(({ on, off }) => on / off),
  recordersShare: median(pairs.map(({ share }) => share)),
};
console.log(JSON.stringify(result, null, 2));
await keep("recording", result);
