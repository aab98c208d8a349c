import assert from "node:assert/strict";
import { findDifferences, type Found } from "../../../tools/arm64/compare.ts";

const here: Found = {
  architecture: "x86_64",
  kernels: "WebAssembly SIMD with fused multiply-add, 2 threads",
  passed: 32,
  failures: [],
  losses: [8.25, 7.5],
};
const arm64: Found = { ...here, architecture: "aarch64", losses: [8.25001, 7.50001] };

Deno.test("an arm64 processor that agrees with this one has nothing wrong", () => {
  assert.deepEqual(findDifferences(arm64, here), []);
});

Deno.test("what differs on an arm64 processor is told", () => {
  const wrong = (change: Partial<Found>) => findDifferences({ ...arm64, ...change }, here).join();
  assert.match(
    wrong({ failures: ["linear: expected 1"], passed: 31 }),
    /linear: .*31 ops are right, here 32/,
  );
  assert.match(wrong({ architecture: "x86_64" }), /it ran on x86_64/);
  assert.match(wrong({ kernels: "WebAssembly SIMD, 2 threads" }), /no fused multiply-add/);
  assert.match(wrong({ losses: [8.25, 7.501] }), /losses 8.25, 7.501, here 8.25, 7.5/);
});
