import assert from "node:assert/strict";
import { DerivedBuffers } from "../../../backends/webgpu/derived_buffers.ts";
import type { BufferSlice, DataWatcher, Runtime } from "../../../backends/webgpu/runtime.ts";
import type { TensorInfo } from "../../../deps/tfjs.ts";

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

Deno.test("a buffer is derived again once its source has been written, and only then", () => {
  const { alive, buffers, tensor, watcher } = fixture();
  const source = tensor();
  let derived = 0;
  const get = () => buffers.of(source, 8, () => derived++);
  const first = get();
  assert.equal(get(), first);
  assert.equal(derived, 1);
  watcher.onWritten(source.dataId);
  assert.equal(get(), first);
  watcher.onWritten(tensor().dataId);
  get();
  assert.deepEqual([derived, alive.size], [2, 1]);
});

Deno.test("a buffer goes with its source, or when it is dropped", () => {
  const { alive, buffers, tensor, watcher } = fixture();
  const [a, b] = [tensor(), tensor()];
  for (const source of [a, b]) buffers.of(source, 8, () => {});
  assert.equal(alive.size, 2);
  watcher.onFreed(a.dataId);
  buffers.drop(b);
  assert.equal(alive.size, 0);
});
