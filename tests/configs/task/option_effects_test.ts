/**
 * Every config key of the reference does something: a small run with another value of it differs in its
 * losses, events, result or files, or a named test looks at what it does.
 */
import assert from "node:assert/strict";
import { messageOf } from "../../../core/errors.ts";
import { leavesOf } from "../../../configs/nodes.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import { type ConfigOf, loadMethod, type Task, taskNames, tasks } from "../../../methods/mod.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { runMethod } from "../../../pipeline/engine/run_method.ts";
import { writeTinyTokenizer } from "../../tasks/_tiny.ts";
import { writeTinyModel } from "../../tasks/_tiny_model.ts";
import { tinyTokenizerOverrides } from "../../tasks/_tiny_tokenizer.ts";
import { changesInTask, optionChanges } from "./_option_changes.ts";
import { writeOptionData } from "./_option_data.ts";

const small = [
  "data.workers=0",
  "data.cacheBytes=0",
  "backend.name=cpu",
  "backend.threads=1",
  "batchSize=4",
  "checkpoint.everySteps=5",
];
const encoder = [
  "model.imageSize=16",
  "model.patchSize=4",
  "model.embedDim=16",
  "model.depth=3",
  "model.heads=2",
  "model.mlpRatio=2",
];
const steps = ["schedule.steps=4"];

/** What the runs of each task have in common. */
const common: Readonly<Record<Task, readonly string[]>> = {
  pretrain: [
    ...[...small, ...encoder, ...steps],
    "data.source=FOLDER/data",
    "tokenizer.checkpoint=FOLDER/tokenizer-16-32.safetensors",
    "model.codes=32",
    "model.earlyLayers=2",
    "model.headLayers=1",
    "mask.ratio=0.4",
    "mask.minBlock=2",
    "evaluation.knn.atEnd=false",
    "evaluation.linear.atEnd=false",
  ],
  tokenizer: [...tinyTokenizerOverrides, ...small, ...steps, "data.source=FOLDER/data"],
  finetune: [
    ...[...small, ...encoder, ...steps],
    "data.source=FOLDER/data",
    "ema.decay=0.9",
  ],
  linearProbe: [
    ...small,
    "data.source=FOLDER/data",
    "pretrained=FOLDER/model.safetensors",
    "augment.size=16",
    "probe.epochs=1",
  ],
  segment: [
    ...[...small, ...encoder, ...steps],
    "schedule.warmupSteps=2",
    "augment.size=16",
    "augment.resize=[64,24]",
    "augment.stride=12",
    "segmentation.channels=8",
    "segmentation.auxiliaryChannels=4",
    "segmentation.outBlocks=[0,0,1,2]",
    "data.source=FOLDER/maps",
  ],
};

/** Files below a folder, in order; what changes from run to run is left out. */
function filesBelow(folder: string, prefix = ""): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? filesBelow(`${folder}/${name}`, `${prefix}${name}/`)
      : [`${prefix}${name.replace(/^(events\.out\.tfevents).*/, "$1")}`]
  ).sort();
}

/** What the checkpoints below a folder hold, in short. */
async function tensorsBelow(folder: string): Promise<string[]> {
  const hashed = filesBelow(folder).filter((path) => path.endsWith(".safetensors"))
    .map(async (path) => {
      const bytes = await Deno.readFile(`${folder}/${path}`);
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
      return `${path} ${hash.subarray(0, 8).toHex()}`;
    });
  return await Promise.all(hashed);
}

const times = /^(stepTime|dataTime|stages|imagesPerSecond|seconds)$/;

/** All that can be seen of a run, apart from its times. */
async function traceOf(task: Task, folder: string, overrides: readonly string[]): Promise<string> {
  const all = [...common[task], ...overrides].map((text) => text.replaceAll("FOLDER", folder));
  const directory = `${folder}/run`;
  const seen: unknown[] = [];
  try {
    const { config } = await resolveConfig({ task, overrides: all });
    const output = config.output;
    const result = await runMethod(await loadMethod(task), config as ConfigOf<Task> as never, {
      ...(output === null ? { directory } : {}),
      listener: (event) => {
        if (event.type === "progress") return;
        // Whether steps wait for images follows from what else the machine does.
        if (event.type === "warning" && event.kind === "dataStarvation") return;
        const { config: _, ...shown } = event as RunEvent & { config?: unknown };
        seen.push(shown);
        const path = `${directory}/report.html`;
        try {
          seen.push(Deno.readTextFileSync(path).match(/http-equiv="refresh" content="\d+"/)?.[0]);
        } catch {
          // No report is written yet, or none at all.
        }
      },
    });
    seen.push(result);
    for (const place of [directory, `${folder}/elsewhere`, `${folder}/cache`]) {
      try {
        seen.push(place, filesBelow(place), await tensorsBelow(place));
      } catch {
        // This run writes nothing there.
      }
    }
    seen.push(Deno.readTextFileSync(`${output ?? directory}/metrics.jsonl`).split("\n").length);
  } catch (error) {
    seen.push(messageOf(error));
    try {
      seen.push(filesBelow(directory));
    } catch {
      // It failed before it wrote anything.
    }
  } finally {
    for (const place of [directory, `${folder}/elsewhere`, `${folder}/cache`]) {
      await Deno.remove(place, { recursive: true }).catch(() => {});
    }
  }
  return JSON.stringify(seen, (key, value) => times.test(key) ? undefined : value);
}

for (const task of taskNames) {
  Deno.test(`every config key of ${task} does something`, async () => {
    const folder = await Deno.makeTempDir({ prefix: "mimic-options-" });
    try {
      await writeOptionData(folder);
      await writeTinyTokenizer(folder);
      await writeTinyModel(folder);
      Deno.mkdirSync(`${folder}/other`);
      await writeTinyModel(`${folder}/other`, { depth: 3 });
      const traces = new Map<string, string>();
      const without: string[] = [];
      for (const { key } of leavesOf(tasks[task].schema)) {
        if (key === "$schema" || key === "task") continue;
        if ((tasks[task].inertKeys ?? []).includes(key)) continue;
        const effect = changesInTask[`${task} ${key}`] ?? optionChanges[key];
        assert.ok(effect !== undefined, `give "${key}" another value in _option_changes.ts`);
        if (typeof effect === "object" && "test" in effect) {
          const text = await Deno.readTextFile(new URL(`../../../${effect.test}`, import.meta.url));
          assert.ok(text.includes(effect.by), `${effect.test} looks at ${key}`);
          continue;
        }
        const { to, given = [] } = typeof effect === "string" ? { to: effect } : effect;
        const known = given.filter((override) =>
          leavesOf(tasks[task].schema).some((leaf) => override.startsWith(`${leaf.key}=`))
        );
        const place = known.join(" ");
        const before = traces.get(place) ?? await traceOf(task, folder, known);
        traces.set(place, before);
        const value = typeof to === "string" ? to : to[task];
        const after = await traceOf(task, folder, [...known, `${key}=${value}`]);
        if (after === before) without.push(key);
      }
      assert.deepEqual(without, [], "keys that change nothing");
      assert.equal(
        traces.get(""),
        await traceOf(task, folder, []),
        "two runs of one config are the same",
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}

Deno.test("a key that a task does not read is refused with any value but its default", async () => {
  const parsed = (recompute: string) =>
    resolveConfig({ task: "linearProbe", overrides: [`recompute=${recompute}`] });
  await parsed("0");
  await assert.rejects(
    parsed("1"),
    /Cannot use "recompute" \(--set recompute=1\): it has no effect/,
  );
});
