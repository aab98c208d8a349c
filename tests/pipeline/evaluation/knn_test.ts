import assert from "node:assert/strict";
import { createBackend } from "../../../backends/mod.ts";
import { Generator } from "../../../core/generator.ts";
import type { FeatureSet } from "../../../pipeline/evaluation/features.ts";
import { knnAccuracies, knnAccuracy } from "../../../pipeline/evaluation/knn.ts";

/** Noisy directions, one a class. */
function draw(generator: Generator, count: number, classes: number): FeatureSet {
  const width = 4;
  const labels = Int32Array.from({ length: count }, (_, row) => row % classes);
  const values = new Float32Array(count * width).map((_, at) => {
    const own = Math.cos(labels[Math.floor(at / width)] * 2.4 + (at % width));
    return own + generator.normal(0, 0.8);
  });
  return { values, count, width, labels };
}

/** The same by the definition, without tensors or tricks. */
function slowTop1(train: FeatureSet, test: FeatureSet, classes: number, k: number): number {
  const row = ({ values, width }: FeatureSet, at: number) => {
    const own = values.subarray(at * width, (at + 1) * width);
    const length = Math.hypot(...own);
    return Array.from(own, (value) => value / length);
  };
  let correct = 0;
  for (let at = 0; at < test.count; at++) {
    const own = row(test, at);
    const all = Array.from({ length: train.count }, (_, other) => ({
      label: train.labels[other],
      similarity: row(train, other).reduce((sum, value, i) => sum + value * own[i], 0),
    })).sort((a, b) => b.similarity - a.similarity).slice(0, k);
    const votes = new Array(classes).fill(0);
    for (const { label, similarity } of all) votes[label] += Math.exp(similarity / 0.07);
    if (votes.indexOf(Math.max(...votes)) === test.labels[at]) correct++;
  }
  return correct / test.count;
}

Deno.test("knnAccuracies() votes as the definition says, for every k at once", async () => {
  const generator = Generator.from(4);
  const [train, test] = [draw(generator, 90, 6), draw(generator, 60, 6)];
  const { backend } = await createBackend("cpu", { threads: 1 });
  const on = { backend, precision: "float32" } as const;
  const before = backend.memory().tensors;
  const found = await knnAccuracies(on, train, test, 6, [1, 5, 20, 500]);
  assert.deepEqual(
    found.map(({ top1 }) => top1),
    [1, 5, 20, 90].map((k) => slowTop1(train, test, 6, k)),
  );
  assert.ok(found[0].top1 < 1 && found[2].top5 > found[2].top1);
  assert.deepEqual(await knnAccuracy(on, train, test, 6, { neighbours: 5 }), found[1]);
  assert.equal(backend.memory().tensors, before);
  await backend.dispose();
});

Deno.test("neighbours are found in every part of a large bank", async () => {
  const generator = Generator.from(5);
  const train = draw(generator, 70_000, 1);
  const test = draw(generator, 4, 4);
  // Row i of the test, with a class of its own, at both ends of the bank and behind the first part.
  for (const [index, at] of [0, 65_535, 65_536, 69_999].entries()) {
    train.values.set(test.values.subarray(index * 4, index * 4 + 4), at * 4);
    train.labels[at] = index + 1;
  }
  const { backend } = await createBackend("cpu", { threads: 1 });
  const on = { backend, precision: "float32" } as const;
  const wanted = { ...test, labels: Int32Array.of(1, 2, 3, 4) };
  const [{ top1 }] = await knnAccuracies(on, train, wanted, 5, [1]);
  assert.equal(top1, 1);
  await backend.dispose();
});
