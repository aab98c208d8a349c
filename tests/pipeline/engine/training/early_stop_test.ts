import assert from "node:assert/strict";
import type { Task } from "../../../../methods/mod.ts";
import { EarlyStop } from "../../../../pipeline/engine/training/early_stop.ts";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";
import { withFolder } from "../../../tasks/_tiny.ts";
import {
  copyRun,
  eventsIn,
  lossesIn,
  resultIn,
  runTiny,
  tinyConfigOf,
  writeTinyFiles,
} from "../../../methods/_tiny_methods.ts";

Deno.test("EarlyStop counts evaluations since the best, over a resume too", () => {
  const config = { metric: "top1", patience: 2 };
  const notes: string[] = [];
  const listener = (event: RunEvent) => {
    if (event.type === "note") notes.push(event.message);
  };
  const before = new EarlyStop(config);
  assert.equal(before.see(1, { top1: 0.5 }, listener), false);
  assert.equal(before.see(2, { top1: 0.5 }, listener), false, "the same is not better");
  const after = new EarlyStop(config);
  after.load(before.export() as never);
  assert.equal(after.see(3, { top1: 0.6 }, listener), false);
  assert.equal(
    after.see(4, {}, listener),
    false,
    "an evaluation without the figure does not count",
  );
  assert.equal(after.see(5, { top1: 0.1 }, listener), false);
  assert.equal(after.see(6, { top1: 0.2 }, listener), true);
  const value = Math.fround(0.6);
  assert.deepEqual(after.outcome, { metric: "top1", patience: 2, best: { step: 3, value } });
  assert.match(notes.join(), /^Stopped early after step 6: .* top1 over 0\.6000 at step 3/);
});

/** Methods that stop early, with a figure that hardly rises. */
const stopping: readonly (readonly [Task, string, readonly string[]])[] = [
  ["pretrain", "knnTop1", ["evaluation.knn.every=0.5"]],
  ["finetune", "top1", ["evaluateEveryEpochs=0.5"]],
  ["segment", "mIoU", ["evaluateEverySteps=2"]],
];

for (const [task, metric, overrides] of stopping) {
  Deno.test(`${task} stops early, says so, and is finished; a kill there is made good`, async () => {
    await withFolder(async (folder, backend) => {
      const config = await tinyConfigOf(task, await writeTinyFiles(folder), [
        ...overrides,
        "optimizer.lr=1e-12",
        "schedule.steps=40",
        `evaluation.stop.metric=${metric}`,
        "evaluation.stop.patience=1",
      ]);
      const [directory, killed] = [`${folder}/run`, `${folder}/killed`];
      const notes: string[] = [];
      let done: RunEvent | null = null;
      let evaluations = 0;
      const result = await runTiny(config, {
        backend,
        directory,
        listener(event) {
          if (event.type === "note") notes.push(event.message);
          if (event.type === "done") done = event;
          if (event.type === "evaluation" && ++evaluations === 2) copyRun(directory, killed);
        },
      });
      assert.ok(result.step < 40 && !result.interrupted, `${result.step}`);
      const { best } = result.stoppedEarly as { best: { step: number } };
      assert.ok(best.step < result.step);
      assert.deepEqual(
        (done as { stoppedEarly?: unknown } | null)?.stoppedEarly,
        result.stoppedEarly,
      );
      assert.match(notes.join("\n"), /Stopped early after step/);
      assert.deepEqual(resultIn(directory).stoppedEarly, result.stoppedEarly);
      assert.ok(Deno.statSync(`${directory}/best.safetensors`).size > 0);
      await assert.rejects(runTiny(config, { backend, directory }), /contains a finished run/);
      const again = await runTiny(config, { backend, directory: killed });
      assert.deepEqual({ ...again, directory }, { ...result });
      assert.deepEqual(lossesIn(killed), lossesIn(directory));
      assert.deepEqual(eventsIn(killed), eventsIn(directory));
    });
  });
}

Deno.test("a figure that few classes leave out stops no run", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfigOf("pretrain", await writeTinyFiles(folder), [
      "evaluation.stop.metric=knnTop5",
      "evaluation.stop.patience=2",
    ]);
    await assert.rejects(
      runTiny(config, { backend, directory: null }),
      /with 2 classes, top-5 accuracy is meaningless; give --set evaluation\.stop\.metric=knnTop1/,
    );
  });
});

Deno.test("a figure that is measured at the end alone stops no run", async () => {
  await withFolder(async (folder) => {
    const files = await writeTinyFiles(folder);
    await assert.rejects(
      tinyConfigOf("pretrain", files, [
        "evaluation.stop.metric=linearTop1",
        "evaluation.stop.patience=2",
      ]),
      /evaluation\.stop\.metric.*evaluation\.linear\.every/s,
    );
  });
});
