import assert from "node:assert/strict";
import { BufferPool } from "../../../backends/webgpu/buffer_pool.ts";

const USAGE = 0x80; // STORAGE

/** A pool on a device of paper, and which of its buffers are alive. */
function paperPool(limitBytes = Infinity) {
  const alive = new Set<object>();
  const pool = new BufferPool({
    limitBytes,
    create: ({ size, usage }) => {
      const buffer = { size, usage, destroy: () => void alive.delete(buffer) };
      alive.add(buffer);
      return buffer as unknown as GPUBuffer;
    },
    onExhausted: (size, usedBytes) => {
      throw new Error(`${size} beside ${usedBytes}`);
    },
  });
  return { pool, alive };
}

Deno.test("a released buffer serves the next that wants its size", () => {
  const { pool, alive } = paperPool();
  const first = pool.acquireBuffer(64, USAGE);
  pool.releaseBuffer(first);
  assert.equal(pool.numBytesUsed, 0);
  assert.equal(pool.acquireBuffer(64, USAGE), first);
  assert.notEqual(pool.acquireBuffer(64, USAGE), first);
  assert.equal(alive.size, 2);
  assert.deepEqual([pool.numBytesUsed, pool.numBytesAllocated, pool.peakBytesUsed], [
    128,
    128,
    128,
  ]);
});

Deno.test("free buffers of other sizes stay below a fifth of the most that was in use", () => {
  const { pool, alive } = paperPool();
  for (let size = 1000; size < 1100; size++) {
    pool.releaseBuffer(pool.acquireBuffer(size, USAGE));
    pool.afterSubmission();
    assert.ok(pool.numBytesAllocated <= 1.2 * pool.peakBytesUsed, `${pool.numBytesAllocated}`);
  }
  assert.equal(alive.size, 1);
});

Deno.test("the limit counts what is in use, and free buffers make room below it", () => {
  const { pool } = paperPool(100);
  const first = pool.acquireBuffer(60, USAGE);
  assert.throws(() => pool.acquireBuffer(41, USAGE), /41 beside 60/);
  pool.releaseBuffer(first);
  pool.acquireBuffer(41, USAGE);
  pool.acquireBuffer(59, USAGE);
  assert.equal(pool.numBytesAllocated, 100);
});

Deno.test("what nobody has asked for is destroyed after a while, but not before it is submitted", () => {
  const { pool, alive } = paperPool();
  const [kept, freed] = [pool.acquireBuffer(1000, USAGE), pool.acquireBuffer(8, USAGE)];
  pool.releaseBuffer(freed);
  for (let submission = 0; submission < 64; submission++) pool.afterSubmission();
  assert.equal(alive.size, 2);
  for (let submission = 0; submission < 1000; submission++) pool.afterSubmission();
  assert.deepEqual([...alive], [kept]);
  pool.releaseBuffer(kept, false);
  assert.equal(alive.size, 1, "the work that reads it is not submitted");
  pool.afterSubmission();
  assert.equal(alive.size, 0);
});

Deno.test("the end of a pool destroys all, and a late release does nothing", () => {
  const { pool, alive } = paperPool();
  const used = pool.acquireBuffer(8, USAGE);
  pool.releaseBuffer(pool.acquireBuffer(16, USAGE));
  pool.dispose();
  pool.releaseBuffer(used);
  assert.equal(alive.size, 0);
  assert.deepEqual([pool.numBytesUsed, pool.numBytesAllocated], [0, 0]);
});
