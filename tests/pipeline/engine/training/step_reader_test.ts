import assert from "node:assert/strict";
import type { Backend, Capabilities, Context } from "../../../../backends/backend.ts";
import "../../../../deps/tfjs_cpu.ts";
import { type Tensor, tf } from "../../../../deps/tfjs.ts";
import {
  type KnownStep,
  mostSharedSteps,
  StepReader,
} from "../../../../pipeline/engine/training/step_reader.ts";

await tf.setBackend("cpu");

/** A clock by which a step takes `seconds`. */
function ticking(seconds: number): () => number {
  let time = 0;
  return () => time += seconds;
}

const news = { isStopping: false, warnings: 0 };

/** A device whose reads resolve when the test says so. */
class SlowDevice {
  /** Numbers in each read so far. */
  readonly reads: number[] = [];
  isOpen = true;
  readonly #waiting: (() => void)[] = [];

  on(capabilities: Partial<Capabilities> = {}): Context {
    const run = <T>(work: () => T): T => {
      const result = work();
      if (result instanceof tf.Tensor) this.slow(result);
      return result;
    };
    return { backend: { run, capabilities } as Backend, precision: "float32" };
  }

  /** Makes `tensor` one of this device's. */
  slow(tensor: Tensor): Tensor {
    const data = tensor.data.bind(tensor);
    tensor.data = (async () => {
      this.reads.push(tensor.size);
      const values = await data();
      if (!this.isOpen) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      return values;
    }) as Tensor["data"];
    return tensor;
  }

  open(): void {
    this.isOpen = true;
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  step(step: number) {
    const packed = this.slow(tf.tensor1d([step / 2, step, 1, 0]));
    return { step, names: ["loss"], packed, learningRate: 0, dataTime: 0, stages: {} };
  }
}

function check(known: readonly KnownStep[], first: number): void {
  for (const [index, { step, sums, stepTime }] of known.entries()) {
    assert.equal(step, first + index);
    assert.deepEqual([...sums.values], [step / 2, step, 1, 0]);
    assert.ok(stepTime > 0);
  }
}

Deno.test("short steps share reads, and arrive in order with their own numbers", async () => {
  const device = new SlowDevice();
  const reader = new StepReader(device.on(), ticking(0.01));
  const tensors = tf.memory().numTensors;
  const known: KnownStep[] = [];
  const steps = 3 * mostSharedSteps + 2;
  for (let step = 1; step <= steps; step++) {
    known.push(...await reader.add(device.step(step), news));
  }
  assert.ok(reader.unknown > 0);
  known.push(...await reader.finish(news));
  assert.equal(known.length, steps);
  check(known, 1);
  // The first one tells how long a step takes; the last one is not waited for.
  assert.deepEqual(device.reads.map((size) => size / 4), [1, ...Array(3).fill(mostSharedSteps), 1]);
  assert.deepEqual([reader.unknown, tf.memory().numTensors], [0, tensors]);
});

Deno.test("no step waits for its own numbers, nor do the ones that share the next read", async () => {
  const device = new SlowDevice();
  const reader = new StepReader(device.on(), ticking(0.01));
  check(await reader.add(device.step(1), news), 1);
  device.isOpen = false;
  const shared = [...Array(mostSharedSteps).keys()];
  // The read of these has started, and nobody has waited for it.
  const before: KnownStep[] = [];
  for (const index of shared) before.push(...await reader.add(device.step(2 + index), news));
  assert.deepEqual(before.map(({ step }) => step), [1]);
  for (const index of shared.slice(1)) {
    assert.deepEqual(await reader.add(device.step(5 + index), news), []);
  }
  // Another read would put the device two ahead.
  const late = reader.add(device.step(9), news);
  const first = await Promise.race([late, new Promise<null>((done) => setTimeout(done, 20, null))]);
  assert.equal(first, null);
  device.open();
  check(await late, 2);
  check(await reader.finish(news), 6);
});

Deno.test("steps of half a second are read one by one", async () => {
  const device = new SlowDevice();
  const reader = new StepReader(device.on(), ticking(0.5));
  for (let step = 1; step <= 5; step++) await reader.add(device.step(step), news);
  assert.deepEqual(device.reads, [4, 4, 4, 4, 4]);
  await reader.finish(news);
});

Deno.test("numbers in host memory are read at each step, and returned a step later", async () => {
  const device = new SlowDevice();
  const reader = new StepReader(device.on({ isHostMemory: true }), ticking(0.01));
  assert.deepEqual(await reader.add(device.step(1), news), []);
  for (let step = 2; step < 9; step++) {
    const known = await reader.add(device.step(step), news);
    assert.deepEqual([known.length, known[0].step, known[0].sums.values[1]], [
      1,
      step - 1,
      step - 1,
    ]);
  }
  reader.dispose();
});

Deno.test("a read that fails fails the step that waits for it, and no other promise", async () => {
  const device = new SlowDevice();
  const reader = new StepReader(device.on(), ticking(0.01));
  const lost = device.step(1);
  lost.packed.data = () => Promise.reject(new Error("The GPU was lost"));
  await reader.add(lost, news).catch(() => {});
  await new Promise((resolve) => setTimeout(resolve));
  await assert.rejects(reader.finish(news), /The GPU was lost/);
});
