/**
 * What recording a run costs, at the size of the quick start.
 *
 *     deno run -A bench/recording.ts [steps 200]
 *
 * Two measurements:
 *
 * - `stepRatio`: a run that records every other step (both logs, curves, TensorBoard scalars): the median
 *   time of the recorded steps divided by that of the others. Neighbouring steps are compared, so other
 *   load on the machine affects both alike.
 * - `share`: a run with all records (including pages, pictures and histograms, at one checkpoint), and the
 *   share of its time that the recorder accounts for. The quick start has one checkpoint per 400 steps;
 *   with fewer `steps`, a checkpoint weighs more here than there.
 *
 * @module
 */

import { createBackend } from "../backends/mod.ts";
import { LogReader } from "../checkpoints/store/append_log.ts";
import { RunDirectory } from "../checkpoints/store/run_directory.ts";
import { resolveConfig } from "../methods/configs.ts";
import { now } from "../core/clock.ts";
import { pretrain } from "../methods/beit/method.ts";
import { RunRecorder } from "../pipeline/engine/recording/run_recorder.ts";
import { median } from "../core/median.ts";
import { keep } from "./report.ts";

const steps = Number(Deno.args[0] ?? 200);
const { backend } = await createBackend("cpu");
const { config } = await resolveConfig({
  task: "pretrain",
  recipe: "quickstart",
  overrides: [
    `schedule.steps=${steps}`,
    `checkpoint.everySteps=${steps}`,
    "evaluation.knn.atEnd=false",
    "evaluation.linear.atEnd=false",
  ],
});

/** Initial steps to ignore: caches fill, code is compiled. */
const warmUp = 10;

async function measureSteps(folder: string): Promise<{ recorded: number; plain: number }> {
  const directory = RunDirectory.open(folder);
  const warn = (message: string) => console.error(message);
  const recorder = new RunRecorder({
    directory,
    title: "pretraining",
    config,
    origins: new Map(),
    facts: [],
    warn,
  });
  recorder.begin(0, 0);
  const seconds = { recorded: [] as number[], plain: [] as number[] };
  let previous: { at: number; isRecorded: boolean } | null = null;
  await pretrain(config, {
    backend,
    listener: (event) => {
      if (event.type !== "step") return;
      const at = now();
      const { step } = event.metrics;
      // From one call to the next: what was done in the call before, and a step.
      if (previous !== null && step > warmUp) {
        seconds[previous.isRecorded ? "recorded" : "plain"].push(at - previous.at);
      }
      const isRecorded = step % 2 === 0;
      if (isRecorded) recorder.listen(event);
      previous = { at, isRecorded };
    },
  });
  await recorder.close();
  directory.close();
  return { recorded: median(seconds.recorded), plain: median(seconds.plain) };
}

async function measureShare(directory: string): Promise<number> {
  let [start, end] = [0, 0];
  await pretrain(config, {
    backend,
    directory,
    listener: ({ type }) => {
      if (type === "start") start = now();
      if (type === "done") end = now();
    },
  });
  const records = [...new LogReader(`${directory}/events.jsonl`).read()];
  const { seconds } = records.findLast(({ type }) => type === "recorded")!;
  return Number(seconds) / (end - start);
}

const folder = await Deno.makeTempDir();
try {
  const { recorded, plain } = await measureSteps(`${folder}/steps`);
  const results = {
    steps,
    stepRatio: recorded / plain,
    share: await measureShare(`${folder}/whole`),
  };
  console.log(JSON.stringify(results, null, 2));
  await keep("recording", results);
} finally {
  await backend.dispose();
  await Deno.remove(folder, { recursive: true });
}
