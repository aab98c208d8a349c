import assert from "node:assert/strict";
import { bestConfig, fitsUnits } from "../../../../backends/webgpu/products/matrix_units.ts";
import { dawnTest, resultOf } from "../dawn/_with_dawn.ts";

interface Conformance {
  readonly notes: readonly string[];
  readonly usesUnits: { readonly forward: boolean; readonly backward: boolean };
  readonly passed: readonly string[];
  readonly failed: readonly string[];
}

/**
 * Cases that use every kernel on matrix units: others take the processor's compiler too long. `MIMIC_DAWN` is
 * another pattern, `.` for every case there is.
 */
const pattern = Deno.env.get("MIMIC_DAWN") ?? [
  "^linear \\[394,128\\].* float16$",
  "^linear gelu, no bias \\[3,5,8\\].* float16$",
].join("|");

dawnTest(
  "products on matrix units conform, forward and backward, and so do those without",
  async () => {
    const { withUnits, without } = await resultOf<Record<"withUnits" | "without", Conformance>>(
      "_conforms.ts",
      [pattern],
    );
    assert.deepEqual(withUnits.notes, []);
    assert.deepEqual(withUnits.usesUnits, { forward: true, backward: true });
    assert.deepEqual(without.usesUnits, { forward: false, backward: false });
    for (const { failed } of [withUnits, without]) assert.deepEqual(failed, []);
    assert.ok(withUnits.passed.some((name) => name.includes("float16")));
    assert.deepEqual(withUnits.passed, without.passed);
  },
);

dawnTest(
  "a broken kernel on matrix units is set aside and named, and the work goes on",
  async () => {
    const { withUnits } = await resultOf<{ withUnits: Conformance }>("_conforms.ts", [
      "^linear \\[394,128\\].* float16$",
      "break",
    ]);
    assert.deepEqual(withUnits.usesUnits, { forward: false, backward: false });
    assert.match(
      withUnits.notes[0],
      /^matrix units are not used for products .*values of y are wrong$/,
    );
    assert.match(
      withUnits.notes[1],
      /^matrix units are not used for gradients of products .*are wrong$/,
    );
    assert.deepEqual(withUnits.failed, []);
    assert.ok(withUnits.passed.length > 0);
  },
);

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
