import assert from "node:assert/strict";
import { assumedCaches, rowsWithin } from "../../../../backends/cpu/products/caches.ts";
import { planGemm } from "../../../../backends/cpu/products/gemm/job.ts";
import { pairTiling, usualTiling, wideTiling } from "../../../../backends/cpu/products/tile.ts";

const kib = 1024;
const [zen4, sapphireRapids, haswell] = [[32, 1024], [48, 2048], [32, 256]].map((
  [firstLevel, secondLevel],
) => ({ firstLevel: firstLevel * kib, secondLevel: secondLevel * kib }));

Deno.test("on a Zen 4 blocks have the sizes that were found there by trial", () => {
  assert.deepEqual(assumedCaches, zen4);
  for (const lanes of [16, 8, 4]) {
    const tiling = usualTiling(lanes, zen4);
    assert.deepEqual([tiling.places, rowsWithin(tiling)], [384, 240]);
  }
  assert.equal(rowsWithin(wideTiling("8x48", zen4)), 240);
});

Deno.test("short panels of both sides fit the first-level cache", () => {
  assert.equal(wideTiling("12x32-short", sapphireRapids).places, 224);
  assert.equal(wideTiling("12x32-short", zen4).places, 128);
  for (const caches of [zen4, sapphireRapids, haswell]) {
    const { rows, columns, places } = wideTiling("12x32-short", caches);
    assert.ok((rows + columns) * places * 4 < caches.firstLevel);
  }
});

Deno.test("as many rows as the second-level cache holds, in float32 and in pairs", () => {
  for (const [caches, rows] of [[zen4, 240], [sapphireRapids, 480], [haswell, 60]] as const) {
    const tiling = wideTiling("12x32-short", caches);
    assert.equal(rowsWithin(tiling), rows);
    assert.equal(rowsWithin(pairTiling(tiling)), rows);
    assert.ok(rows * (384 + 256) * 4 < caches.secondLevel);
  }
});

Deno.test("products are divided into so many blocks of rows", () => {
  const size = { rows: 1576, columns: 768, depth: 768 };
  const items = [zen4, sapphireRapids, haswell].map((caches) =>
    planGemm(size, 1, usualTiling(16, caches), 1).rowItems
  );
  assert.deepEqual(items, [14, 7, 53]);
});
