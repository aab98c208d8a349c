import assert from "node:assert/strict";
import { fc } from "../../../../deps/fast_check.ts";
import { OutOfMemoryError } from "../../../../core/errors.ts";
import {
  alignment,
  Arena,
  type Block,
  reservedBytes,
} from "../../../../backends/cpu/memory/arena.ts";
import { createArenaMemory } from "../../../../backends/cpu/memory/arena_memory.ts";

const mebibyte = 2 ** 20;

/** What a user of the arena does: allocates a size, or frees one of the blocks it holds. */
const steps = fc.array(
  fc.oneof(
    fc.record({ allocate: fc.integer({ min: 0, max: 3 * mebibyte }) }),
    fc.record({ allocate: fc.integer({ min: 0, max: 300 }) }),
    fc.record({ free: fc.nat() }),
  ),
  { maxLength: 60 },
);

Deno.test("Arena gives aligned blocks that do not overlap, and takes all back", () => {
  fc.assert(
    fc.property(steps, (list) => {
      const arena = new Arena(createArenaMemory({ maximumBytes: 512 * mebibyte }));
      const held: { block: Block; bytes: number }[] = [];
      for (const step of list) {
        if ("allocate" in step) {
          const block = arena.allocate(step.allocate);
          assert.equal(block.offset % alignment, 0);
          assert.ok(block.offset >= reservedBytes);
          assert.ok(block.offset + step.allocate <= arena.buffer.byteLength);
          held.push({ block, bytes: step.allocate });
        } else if (held.length > 0) {
          arena.free(held.splice(step.free % held.length, 1)[0].block);
        }
        const sorted = held.map(({ block }) => block).sort((a, b) => a.offset - b.offset);
        sorted.slice(1).forEach((block, index) => {
          assert.ok(sorted[index].offset + sorted[index].bytes <= block.offset);
        });
        assert.equal(arena.usedBytes, sorted.reduce((sum, { bytes }) => sum + bytes, 0));
      }
      for (const { block } of held) arena.free(block);
      assert.equal(arena.usedBytes, 0);
      assert.equal(arena.allocate(1000).offset, reservedBytes, "free blocks have merged");
    }),
    { numRuns: 40, seed: 1 },
  );
});

Deno.test("Arena reuses freed memory instead of growing", () => {
  const arena = new Arena(createArenaMemory());
  arena.free(arena.allocate(100 * mebibyte));
  const reserved = arena.buffer.byteLength;
  for (let turn = 0; turn < 10; turn++) arena.free(arena.allocate(100 * mebibyte));
  assert.equal(arena.buffer.byteLength, reserved);
  assert.equal(arena.peakBytes, 100 * mebibyte);
});

Deno.test("Arena refuses a block to be freed twice", () => {
  const arena = new Arena(createArenaMemory());
  const block = arena.allocate(10);
  arena.free(block);
  assert.throws(() => arena.free(block), /already free/);
});

Deno.test("Arena says when the memory is full", () => {
  const arena = new Arena(createArenaMemory({ maximumBytes: 64 * mebibyte }));
  assert.throws(() => arena.allocate(65 * mebibyte), OutOfMemoryError);
  const block = arena.allocate(60 * mebibyte);
  arena.free(block);
  assert.equal(arena.allocate(60 * mebibyte).offset, reservedBytes);
});

Deno.test("createArenaMemory makes a private memory where none may be shared", () => {
  const memory = createArenaMemory({ shared: false, maximumBytes: 128 * mebibyte });
  assert.equal(memory.isShared, false);
  assert.equal(memory.memory.buffer.byteLength, 128 * mebibyte);
});
