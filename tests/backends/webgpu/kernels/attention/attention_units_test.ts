import assert from "node:assert/strict";
import {
  ATTENTION_UNITS,
  shareMatrices,
  tilingsThatFit,
  unitTilingFor,
} from "../../../../../backends/webgpu/kernels/attention/attention_units.ts";

const config = { componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 };
const units = { config, lanes: 32, memory: 49152, names: ["units64x64", "units32x32"] } as const;

Deno.test("heads get the fastest tiling that fits, and threads if none does", () => {
  const { units32x32, units64x64 } = ATTENTION_UNITS;
  assert.equal(unitTilingFor(units, 64), units64x64);
  assert.equal(unitTilingFor({ ...units, memory: 32768 }, 64), units32x32);
  assert.equal(unitTilingFor({ ...units, memory: 16384 }, 64), null);
  assert.equal(unitTilingFor(units, 40), null, "not whole matrices");
  assert.equal(unitTilingFor({ ...units, memory: 2 ** 20 }, 144), null, "wider than a tile");
});

Deno.test("only tilings are tried whose memory and threads a device has", () => {
  const fitting = (lanes: number, threads: number) =>
    tilingsThatFit(
      { lanes, memory: 32768 },
      { maxComputeInvocationsPerWorkgroup: threads } as Parameters<typeof tilingsThatFit>[1],
      64,
    );
  assert.deepEqual(fitting(32, 128), ["units32x32", "units32x64"]);
  assert.deepEqual(fitting(32, 64), ["units32x32"]);
  assert.deepEqual(fitting(128, 128), ["units32x64"], "a subgroup of 64 threads is none");
});

Deno.test("matrices are shared out evenly, in squares, and to no more subgroups than there are", () => {
  assert.deepEqual(shareMatrices(4, 4, 4), { subgroups: 4, across: 2, down: 2, wide: 2 });
  assert.deepEqual(shareMatrices(8, 8, 16), { subgroups: 16, across: 4, down: 2, wide: 2 });
  assert.deepEqual(shareMatrices(2, 3, 4), { subgroups: 3, across: 3, down: 2, wide: 1 });
  assert.deepEqual(shareMatrices(1, 1, 8), { subgroups: 1, across: 1, down: 1, wide: 1 });
});
