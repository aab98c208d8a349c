import assert from "node:assert/strict";
import {
  bestConfig,
  fitsUnits,
  MATRIX_TILINGS,
} from "../../../../backends/webgpu/products/matrix_units.ts";
import { dawnTest, resultOf } from "../dawn/_with_dawn.ts";

/** The larger a tiling, the longer it takes the processor's compiler; `MIMIC_DAWN=.` checks all, for minutes. */
const pattern = Deno.env.get("MIMIC_DAWN") ?? "^units32$";

dawnTest("products on matrix units are right, with gradients of weights in parts", async () => {
  const { flaws } = await resultOf<{ flaws: Record<string, string | null> }>("_flaws.ts", [
    "products",
    pattern,
  ]);
  const names = Object.keys(MATRIX_TILINGS).filter((name) => new RegExp(pattern).test(name));
  assert.deepEqual(
    flaws,
    Object.fromEntries(
      names.flatMap((name) => [[`${name} forward`, null], [`${name} backward`, null]]),
    ),
  );
});

Deno.test("the largest matrices of float16 with float32 sums are taken", () => {
  const config = (
    componentType: string,
    resultComponentType: string,
    M: number,
    N: number,
    K: number,
  ) => {
    return { componentType, resultComponentType, M, N, K };
  };
  const small = config("f16", "f32", 16, 8, 8);
  const large = config("f16", "f32", 16, 16, 16);
  assert.equal(
    bestConfig([small, config("f16", "f16", 16, 16, 16), large, config("i8", "i32", 16, 16, 32)]),
    large,
  );
  assert.equal(bestConfig([config("f32", "f32", 8, 8, 8), config("f16", "f32", 16, 16, 32)]), null);
});

Deno.test("a tiling must fit into a workgroup's memory and threads", () => {
  const config = { componentType: "f16", resultComponentType: "f32", M: 16, N: 16, K: 16 };
  const limits = (bytes: number, threads: number) =>
    ({
      maxComputeWorkgroupStorageSize: bytes,
      maxComputeInvocationsPerWorkgroup: threads,
    }) as Parameters<typeof fitsUnits>[3];
  assert.ok(fitsUnits("units128", config, 32, limits(32768, 256)));
  assert.ok(!fitsUnits("units128", config, 32, limits(32768, 128)));
  assert.ok(!fitsUnits("units128", config, 32, limits(16384, 256)));
  assert.ok(fitsUnits("units32", config, 32, limits(16384, 128)));
});
