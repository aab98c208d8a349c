import assert from "node:assert/strict";
import { recognizeObjectsOf, writeOnlyBytes } from "../../../../backends/webgpu/dawn/open_dawn.ts";
import { dawnTest, resultOf } from "./_with_dawn.ts";

/** What a queue was given, by its arguments. */
function written(data: BufferSource, offset?: number, size?: number): number[] {
  let bytes: number[] = [];
  class Queue {
    writeBuffer(_: unknown, __: number, data: Uint8Array, offset: number, size: number) {
      assert.ok(data instanceof Uint8Array);
      bytes = [...data.subarray(offset, offset + size)];
    }
  }
  writeOnlyBytes(Queue as never);
  (new Queue() as unknown as GPUQueue).writeBuffer({} as GPUBuffer, 0, data, offset, size);
  return bytes;
}

Deno.test("a queue is only given bytes: the same as without", () => {
  const halves = new Float16Array([1, 2, 3]);
  const bytes = [...new Uint8Array(halves.buffer)];
  assert.deepEqual(written(halves), bytes);
  assert.deepEqual(written(halves, 1), bytes.slice(2));
  assert.deepEqual(written(halves, 1, 1), bytes.slice(2, 4));
  assert.deepEqual(written(halves.subarray(1)), bytes.slice(2));
  assert.deepEqual(written(halves.buffer, 2, 2), bytes.slice(2, 4));
  assert.deepEqual(written(new DataView(halves.buffer, 2)), bytes.slice(2));
});

Deno.test("the runtime's classes recognise another WebGPU's objects, and still their own", () => {
  const original = Object.getOwnPropertyDescriptor(GPUTexture, Symbol.hasInstance);
  class Foreign {}
  class Inheriting extends GPUTexture {}
  try {
    recognizeObjectsOf({ GPUTexture: Foreign });
    assert.ok((new Foreign() as unknown) instanceof GPUTexture);
    assert.ok(Object.create(GPUTexture.prototype) instanceof GPUTexture);
    assert.ok(!({} instanceof GPUTexture));
    assert.ok(!((new Foreign() as unknown) instanceof Inheriting));
  } finally {
    if (original === undefined) Reflect.deleteProperty(GPUTexture, Symbol.hasInstance);
  }
});

dawnTest("steps on Dawn share reads, and wait for nothing else", async () => {
  const { reads, waits, steps, known, unknown } = await resultOf<
    { reads: number; waits: number; steps: number; known: number[]; unknown: number }
  >("_reads.ts", []);
  assert.deepEqual(known, Array.from({ length: steps }, (_, index) => index + 1));
  assert.ok(unknown > 0, "the last steps were waited for");
  // The first one, which tells how long a step takes, and two reads of four.
  assert.deepEqual([reads, waits], [3, 0]);
});

for (const how of ["return", "exit", "thread"]) {
  dawnTest(`Dawn works beside Deno's own and lets a program end: ${how}`, async () => {
    const { implementation, matrices, sums } = await resultOf<
      { implementation: string; matrices: { M: number }[]; sums: number[] }
    >("_ends.ts", [how]);
    assert.equal(implementation, "dawn");
    assert.ok(matrices.length > 0);
    assert.deepEqual(sums, [2, 3, 2, 3, 2, 3]);
  });
}
