import assert from "node:assert/strict";
import { pretrain } from "../../../../methods/beit/method.ts";
import type { RunEvent } from "../../../../pipeline/engine/events.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";
import { runFinetune, tinyFinetune } from "../../../tasks/_tiny_finetune.ts";
import { writeTinyData } from "../../../tasks/_tiny_model.ts";
import { runSegment, tinySegment } from "../../../tasks/_tiny_segment.ts";

/** Works of which progress was told after the last step, each with the counts that were told. */
function worksAfter(events: readonly RunEvent[]): Map<string, [done: number, total: number][]> {
  const last = events.findLastIndex(({ type }) => type === "step");
  const works = new Map<string, [number, number][]>();
  for (const event of events.slice(last)) {
    if (event.type !== "progress") continue;
    const { what, done, total } = event;
    works.set(what, [...works.get(what) ?? [], [done, total!]]);
  }
  for (const [what, counts] of works) {
    const [done, total] = counts.at(-1)!;
    assert.equal(done, total, `${what} is told to be done`);
    assert.ok(counts.every(([done], i) => done >= (counts[i - 1]?.[0] ?? 0)), what);
  }
  return works;
}

const finalImages = (events: readonly RunEvent[]) =>
  events.flatMap((event) => event.type === "start" ? [event.finalImages] : [])[0];

Deno.test("the evaluation after the last step tells how far it has come, and is foreseen", async () => {
  await withFolder(async (folder, backend) => {
    const data = writeTinyData(folder);
    const events: RunEvent[] = [];
    const listener = (event: RunEvent) => void events.push(event);
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      `data.source=${data}`,
      "schedule.steps=2",
      "evaluation.knn.atEnd=true",
      "evaluation.linear.atEnd=true",
    ]);
    await pretrain(config, { backend, listener });
    const places = ["this model", "untrained network", "raw pixels"];
    const parts = ["training images", "test images", "k-NN", "linear classifier"];
    assert.deepEqual(
      [...worksAfter(events).keys()],
      places.flatMap((place) => parts.map((part) => `Evaluating ${place}: ${part}`)),
    );
    assert.equal(finalImages(events), 2 * (24 + 12));

    events.length = 0;
    const cut = { ...config, schedule: { ...config.schedule, maxSteps: 1 } };
    await pretrain(cut, { backend, listener });
    assert.deepEqual([worksAfter(events).size, finalImages(events)], [0, 0]);

    events.length = 0;
    await runFinetune(await tinyFinetune(data, ["schedule.steps=2"]), { backend, listener });
    assert.deepEqual([...worksAfter(events).keys()], ["Evaluating this model: test images"]);
    assert.equal(finalImages(events), 12);

    events.length = 0;
    await runSegment(await tinySegment(["schedule.steps=2"]), { backend, listener });
    assert.deepEqual([...worksAfter(events).keys()], ["Evaluating this model: whole test images"]);
    assert.equal(finalImages(events), 100);
  });
});
