import assert from "node:assert/strict";
import { single } from "../../../distributed/single.ts";
import { GradientBuckets } from "../../../pipeline/optimize/gradient_buckets.ts";
import type { Communicator, Reducible } from "../../../distributed/communicator.ts";

/** Two ranks of which the other has the same gradients; keeps the lengths of what is sent. */
function twin(sent: number[]): Communicator {
  const sum = (values: Float32Array | Float16Array) => values.forEach((x, i) => values[i] = x + x);
  return {
    ...single,
    size: 2,
    allReduce: (values: Reducible) => {
      sent.push(values.length);
      sum(values instanceof Uint16Array ? new Float16Array(values.buffer) : values);
      return Promise.resolve();
    },
  };
}

const traffic = { bucketMegabytes: 12e-6, overlap: true } as const;

Deno.test("GradientBuckets sends buckets from the last parameter on, in their order", async () => {
  const sent: number[] = [];
  const buckets = new GradientBuckets([4, 1, 2, 3], twin(sent), { ...traffic, wire: "float32" });
  for (let step = 1; step <= 2; step++) {
    buckets.begin(1);
    // Three numbers a bucket: [3], [2, 1], [0]. The second is full before the first.
    buckets.add(2, [Float32Array.of(step, 2)]);
    buckets.add(1, [Float32Array.of(3), Float32Array.of(0.5)]);
    assert.deepEqual(sent, []);
    buckets.add(3, [Float32Array.of(1, 1, 1)]);
    assert.deepEqual(sent, [3, 3]);
    buckets.add(0, [new Float32Array(4).fill(7)]);
    await buckets.finish();
    assert.deepEqual(sent.splice(0), [3, 3, 4]);
    assert.deepEqual([...buckets.sum(2)], [2 * step, 4]);
    assert.deepEqual([...buckets.sum(1)], [7]);
  }
});

Deno.test("GradientBuckets in float16 keeps small gradients, whatever the loss scale", async () => {
  for (const lossScale of [1, 65536]) {
    const buckets = new GradientBuckets([4], twin([]), { ...traffic, wire: "float16" });
    buckets.begin(lossScale);
    const own = [1e-7, -0.01, 3, 1000].map((value) => value * lossScale);
    buckets.add(0, [Float32Array.from(own)]);
    await buckets.finish();
    const [small, middle, large, huge] = [...buckets.sum(0)].map((sum) => sum / lossScale);
    assert.ok(Math.abs(small - 2e-7) < 1e-9, `${small}`);
    assert.ok(Math.abs(middle + 0.02) < 2e-5, `${middle}`);
    assert.equal(large, 6);
    assert.ok(huge > 60 && huge < 64, `${huge} is cut`);
  }
});

Deno.test("GradientBuckets in float16 hands on what is not finite", async () => {
  const buckets = new GradientBuckets([2], twin([]), { ...traffic, wire: "float16" });
  buckets.begin(1);
  buckets.add(0, [Float32Array.of(NaN, Infinity)]);
  await buckets.finish();
  assert.deepEqual([...buckets.sum(0)], [NaN, Infinity]);
});

/** Ranks with the same gradients, which are added one after another or in pairs. */
function crowd(size: number, order: "chain" | "pairs"): Communicator {
  const add = (a: Float16Array, b: Float16Array) => a.map((x, i) => x + b[i]);
  return {
    ...single,
    size,
    allReduce: (words: Reducible) => {
      const values = new Float16Array(words.buffer);
      let parts = Array.from({ length: size }, () => values.slice());
      while (parts.length > 1) {
        const [first, second, ...rest] = parts;
        parts = order === "chain" ? [add(first, second), ...rest] : [...rest, add(first, second)];
      }
      values.set(parts[0]);
      return Promise.resolve();
    },
  };
}

Deno.test("GradientBuckets in float16 keeps the sum of large gradients finite", async () => {
  for (const order of ["chain", "pairs"] as const) {
    for (let ranks = 1; ranks <= 300; ranks++) {
      const buckets = new GradientBuckets([2], crowd(ranks, order), {
        ...traffic,
        wire: "float16",
      });
      buckets.begin(1);
      buckets.add(0, [Float32Array.of(1e30, -1e30)]);
      await buckets.finish();
      const [sum, negative] = buckets.sum(0);
      assert.ok(Number.isFinite(sum), `${ranks} ranks, ${order}: ${sum}`);
      assert.ok(sum > 40 && negative === -sum, `${ranks} ranks, ${order}: ${sum}, ${negative}`);
    }
  }
});
