import assert from "node:assert/strict";
import { type CpuBackendOptions, createCpuBackend } from "../../../../backends/cpu/mod.ts";
import { wideTiling as cutAs, wideTilingNames } from "../../../../backends/cpu/products/tile.ts";
import { linear } from "../../../../backends/ops/linear.ts";
import { evaluate, normal } from "../_compare.ts";
import { availableProviders } from "../_providers.ts";

/** Outputs and gradients of layers with edges, a depth of several blocks, and panels of all groups. */
async function products(options: CpuBackendOptions): Promise<Float32Array[]> {
  const backend = await createCpuBackend({ threads: 2, sharedWork: 0, ...options });
  try {
    return [[61, 901, 165], [900, 40, 13]].flatMap(([rows, inputs, outputs]) =>
      evaluate(
        backend,
        (on, [x, weight, bias]) => [linear(on, x, weight, bias, { activation: "gelu" })],
        [normal(1, [rows, inputs]), normal(2, [outputs, inputs]), normal(3, [outputs])],
      )
    );
  } finally {
    await backend.dispose();
  }
}

const hasNative = (await availableProviders()).includes("native");

for (const wideTiling of wideTilingNames) {
  Deno.test({
    name: `products cut into ${wideTiling} are the same bits`,
    ignore: !hasNative,
    fn: async () => {
      const cut = await products({ provider: "native", wideTiling });
      assert.deepEqual(cut, await products({ provider: "native", wideTiling: "usual" }));
    },
  });
}

Deno.test("products that load more values of A are the same bits in WebAssembly", async () => {
  const more = await products({ provider: "wasm", loadsMore: true });
  assert.deepEqual(more, await products({ provider: "wasm", loadsMore: false }));
});

Deno.test("every wide tiling is whole vectors and leaves registers for both operands", () => {
  for (const { rows, columns, places } of wideTilingNames.map((name) => cutAs(name))) {
    const vectors = columns / 16;
    assert.ok(Number.isInteger(vectors) && places > 0);
    assert.ok(rows * vectors + vectors + 1 <= 32);
  }
});
