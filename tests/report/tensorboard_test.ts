import assert from "node:assert/strict";
import { frameRecord, readRecords } from "../../checkpoints/store/event_file.ts";
import { flattenConfig } from "../../report/tensorboard/hparams.ts";
import { valueHistogram } from "../../report/tensorboard/value_histogram.ts";
import { goldenEvents, goldenFile, goldenFolder, spreadValues } from "./_golden_events.ts";

/** What TensorBoard's own reader found in the golden file: tools/verify_tensorboard.py --dump. */
const read = JSON.parse(Deno.readTextFileSync(new URL("read.json", goldenFolder)));

Deno.test("the events are those that TensorBoard's reader has been seen to read", async () => {
  const golden = [...readRecords(await Deno.readFile(goldenFile))];
  const events = await goldenEvents();
  assert.equal(golden.length, events.length);
  for (const [index, { content }] of golden.entries()) {
    assert.deepEqual(frameRecord(events[index]), frameRecord(content), `event ${index}`);
  }
});

Deno.test("TensorBoard's reader has found our values in them", () => {
  // Steps 250 and later of the first start were forgotten at the second, as a resume wants it.
  assert.deepEqual(read.scalars["train/loss"], [[1, 5.25], [5e9, Math.fround(-0.1)]]);
  assert.deepEqual(read.scalars["optimizer/learningRate"], [[1, Math.fround(1e-3)]]);
  assert.deepEqual(read.images.pictures[0].slice(0, 3), [5e9, 2, 1]);
  const { hparams } = read;
  assert.deepEqual([hparams["optimizer.lr"], hparams["data.shuffle"], hparams.task], [
    0.0015,
    true,
    "pretrain",
  ]);
  assert.deepEqual([hparams["(metrics)"], hparams["(status)"]], [["train/loss"], 1]);
  const [spread] = read.histograms["weights/w"];
  const finite = spreadValues.filter(Number.isFinite);
  assert.deepEqual([spread.min, spread.max, spread.num], [-3, 1e6, finite.length]);
  for (const [index, limit] of spread.bucket_limit.entries()) {
    const above = spread.bucket_limit[index - 1] ?? -Infinity;
    const within = finite.filter((value) => value > above && value <= limit);
    assert.equal(spread.bucket[index], within.length, `values in ]${above}, ${limit}]`);
  }
});

Deno.test("valueHistogram() samples very many values evenly and leaves nothing out of a few", () => {
  const many = valueHistogram(Float32Array.from({ length: 1_000_000 }, (_, i) => i % 1000))!;
  assert.ok(many.count > 10_000 && many.count < 40_000 && many.max > 950 && many.min === 0);
  assert.equal(valueHistogram([NaN]), null);
  assert.equal(valueHistogram([]), null);
  const huge = valueHistogram([1e300, -1e300, 5e-324])!;
  assert.equal(huge.counts.reduce((sum, count) => sum + count), 3);
  assert.ok(huge.limits.every(Number.isFinite));
});

Deno.test("flattenConfig() keeps types, and writes lists and null as text", () => {
  const flat = flattenConfig({ a: { b: 1, c: [1, 2], d: null, e: "x" }, f: true });
  assert.deepEqual(
    [...flat],
    [["a.b", 1], ["a.c", "[1,2]"], ["a.d", "null"], ["a.e", "x"], ["f", true]],
  );
});
