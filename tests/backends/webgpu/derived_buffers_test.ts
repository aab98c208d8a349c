import assert from "node:assert/strict";
import { qkvBias } from "../../../backends/ops/qkv_bias.ts";
import { DerivedBuffers } from "../../../backends/webgpu/derived_buffers.ts";
import type { BufferSlice, DataWatcher, Runtime } from "../../../backends/webgpu/runtime.ts";
import { type TensorInfo, tf } from "../../../deps/tfjs.ts";
import { webgpuTest } from "./_backend.ts";
import { Trainee } from "./_trainee.ts";

/** A runtime that only counts buffers. */
function fixture() {
  const alive = new Set<BufferSlice>();
  let watcher: DataWatcher;
  const runtime = {
    watchData: (given: DataWatcher) => watcher = given,
    createBuffer(size: number) {
      const slice = { size, offset: 0 } as BufferSlice;
      alive.add(slice);
      return slice;
    },
    destroyBuffer: (slice: BufferSlice) => void alive.delete(slice),
  } as unknown as Runtime;
  const buffers = new DerivedBuffers(runtime);
  const tensor = () => ({ dataId: {} }) as TensorInfo;
  return { alive, buffers, tensor, watcher: watcher! };
}

Deno.test("a buffer is derived again once any of its sources has been written, and only then", () => {
  const { alive, buffers, tensor, watcher } = fixture();
  const [a, b] = [tensor(), tensor()];
  let derived = 0;
  const get = () => buffers.of([a, b], 8, () => derived++);
  const first = get();
  assert.equal(get(), first);
  assert.equal(derived, 1);
  for (const source of [a, b]) {
    watcher.onWritten(source.dataId);
    assert.equal(get(), first);
  }
  watcher.onWritten(tensor().dataId);
  get();
  assert.deepEqual([derived, alive.size], [3, 1]);
});

Deno.test("a buffer goes with any of its sources, and with a source that gets another partner", () => {
  const { alive, buffers, tensor, watcher } = fixture();
  const [a, b, c] = [tensor(), tensor(), tensor()];
  const get = (...sources: TensorInfo[]) => buffers.of(sources, 8, () => {});
  get(a, b);
  watcher.onFreed(b.dataId);
  assert.equal(alive.size, 0);
  const first = get(a, b);
  assert.notEqual(get(a, c), first);
  assert.equal(alive.size, 1);
  buffers.drop(c);
  assert.equal(alive.size, 0);
});

webgpuTest(
  "a bias of frozen parts is computed once, of trained ones after each update",
  async (backend) => {
    const on = { backend, precision: "float32" } as const;
    const [q, v] = backend.run(() => [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])]);
    const before = backend.dispatches;
    for (let turn = 0; turn < 3; turn++) {
      const bias = backend.run(() => qkvBias(on, q, v));
      assert.deepEqual([...await bias.data()], [1, 2, 0, 0, 3, 4]);
      bias.dispose();
    }
    assert.equal(backend.dispatches - before, 1);
    const trainee = new Trainee(backend);
    const losses = [];
    for (let step = 0; step < 3; step++) losses.push((await trainee.step(0))[0]);
    assert.ok(losses[2] < losses[1] && losses[1] < losses[0], `${losses}`);
    const { parameters } = trainee;
    const [own, other] = ["q_bias", "v_bias"].map((name) =>
      parameters.find((parameter) => parameter.name.endsWith(name))!.value
    );
    const bias = backend.run(() => qkvBias(on, own, other));
    const [found, first, last] = await Promise.all([bias.data(), own.data(), other.data()]);
    const width = first.length;
    assert.deepEqual([...found], [...first, ...new Float32Array(width), ...last]);
    assert.ok(first.some((value) => value !== 0));
  },
);
