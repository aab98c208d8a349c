import assert from "node:assert/strict";
import { fc } from "../../deps/fast_check.ts";
import { relativePositionIndex, relativePositionRows } from "../../core/relative_position.ts";

const sides = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 7 }));

Deno.test("pairs of patches share a row if and only if their offset is the same", () => {
  fc.assert(
    fc.property(sides, ([height, width]) => {
      const index = relativePositionIndex(height, width);
      const tokens = height * width + 1;
      const rowOf = new Map<string, number>();
      for (let query = 1; query < tokens; query++) {
        for (let key = 1; key < tokens; key++) {
          const y = Math.floor((query - 1) / width) - Math.floor((key - 1) / width);
          const x = (query - 1) % width - (key - 1) % width;
          const row = index[query * tokens + key];
          assert.equal(rowOf.get(`${y},${x}`) ?? row, row);
          rowOf.set(`${y},${x}`, row);
        }
      }
      assert.equal(new Set(rowOf.values()).size, rowOf.size);
      assert.equal(rowOf.size, relativePositionRows(height, width) - 3);
    }),
    { seed: 1 },
  );
});

Deno.test("the cls token has three rows of its own", () => {
  const index = relativePositionIndex(2, 3);
  const rows = relativePositionRows(2, 3);
  assert.equal(index[0], rows - 1);
  assert.deepEqual([...index.subarray(1, 7)], Array(6).fill(rows - 3));
  for (let query = 1; query < 7; query++) assert.equal(index[query * 7], rows - 2);
});
