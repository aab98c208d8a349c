import assert from "node:assert/strict";
import { checkPage } from "../../../../bench/webgpu/check/page.ts";

const part = { status: "ok", seconds: 2, message: null, results: {} } as const;

Deno.test("a check's page shows what its parts found, and what became of them", () => {
  const page = checkPage({
    options: {},
    machine: { processor: "Some processor", cores: 2 },
    outcomes: [
      {
        ...part,
        name: "step vit_s float16 deno",
        results: {
          webgpu_pytorch_vit_s_64_float16_deno: {
            adapter: "Some <GPU>",
            model: "vit_s",
            batch: 64,
            precision: "float16",
            dispatches: 360,
            imagesPerSecond: { ours: 1234.5, pytorch: 2469 },
            teraflops: { ours: 10, pytorch: 20 },
            ratio: 0.5,
            milliseconds: { matrix_product: 30, attention: 10 },
          },
        },
      },
      {
        ...part,
        name: "correctness deno",
        status: "failed",
        message: "exit code 1",
        results: {
          webgpu_correctness_deno: {
            subgroupSize: 32,
            conformance: { passed: 300, failed: ["linear a <b>: off"] },
          },
        },
      },
      {
        ...part,
        name: "products dawn",
        results: {
          webgpu_products_dawn: {
            adapter: "Some <GPU>",
            results: [
              { inputs: 384, outputs: 1536, tiling: "small", forward: 11.5, backward: 9.25 },
              { inputs: 384, outputs: 1536, tiling: "large", forward: 12.75, backward: 8.5 },
            ],
          },
        },
      },
      {
        ...part,
        name: "attention dawn",
        results: {
          webgpu_attention_dawn: {
            adapter: "Some <GPU>",
            results: [{
              heads: 6,
              precision: "float16",
              tiling: "tall",
              teraflops: { forward: 5.5, backward: 4.5 },
              total: 3,
            }],
          },
        },
      },
    ],
  });
  for (
    const text of [
      "Some &lt;GPU&gt;",
      "3 of 4",
      "<td>1234.5</td><td>2469.0</td><td>0.50</td>",
      "<td>matrix_product</td><td>30.00</td><td>75.0 %</td>",
      "<td>deno</td><td>conformance</td><td>300</td><td>1</td><td>linear a &lt;b&gt;: off</td>",
      "<td>384 → 1536</td><td>dawn</td><td>12.75</td><td>large</td><td>9.25</td><td>small</td>",
      "<td>6 heads, float16</td><td>dawn</td><td>5.50</td><td>4.50</td><td>tall</td>",
      "<td>correctness deno</td><td>failed</td><td>2.0</td><td>exit code 1</td>",
    ]
  ) assert.ok(page.includes(text), text);
});

Deno.test("a page of nothing says so", () => {
  const page = checkPage({ options: {}, machine: {}, outcomes: [] });
  assert.match(page, /no GPU was opened/);
  assert.match(page, /Nothing was measured/);
});
