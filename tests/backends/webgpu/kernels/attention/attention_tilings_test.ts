import assert from "node:assert/strict";
import { requestAdapter } from "../../../../../backends/webgpu/adapter.ts";
import { attentionKernel } from "../../../../../backends/webgpu/kernels/attention/attention.ts";
import {
  ATTENTION_TILINGS,
  type AttentionTiling,
} from "../../../../../backends/webgpu/kernels/attention/attention_tilings.ts";
import { openRunner } from "../../../../../backends/webgpu/open_runner.ts";
import { ShaderRunner } from "../../../../../backends/webgpu/shaders/shader_runner.ts";
import type { Tensor } from "../../../../../deps/tfjs.ts";
import { hasAdapter } from "../../_adapter.ts";
import { assertClose, Samples } from "../../_compare.ts";

const heads = 2;

Deno.test({
  name:
    "attention is the same with the tilings of every device, at ragged ends of tiles and of heads",
  ignore: !hasAdapter,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const { runner, slot } = await openRunner();
    try {
      for (const [samples, tokens, headWidth] of [[3, 71, 20], [2, 6, 6]]) {
        const draws = new Samples(tokens);
        const qkv = draws.normal([samples, tokens, 3 * heads * headWidth]);
        const bias = draws.normal([heads, tokens, tokens]);
        const dy = draws.normal([samples, tokens, heads * headWidth]);
        const run = (tiling: AttentionTiling, pairBytes?: number): Record<string, Tensor> => {
          const kernel = attentionKernel({ runner, attentionTilings: () => tiling }, pairBytes);
          const args = { qkv, bias, heads, scale: 0.3, precision: "float32" } as const;
          const { y, saved } = kernel.forward(args);
          const { dqkv, dbias } = kernel.backward({ ...args, y, saved, dy });
          return { y, logSums: saved[0], dqkv, dbias: dbias! };
        };
        const { lanes16, lanes32, square64, small64 } = ATTENTION_TILINGS;
        const expected = run(lanes16);
        for (const tiling of [lanes32, square64, small64]) {
          await assertClose(run(tiling), expected, 1e-5);
        }
        const twoSamples = 2 * 4 * heads * tokens * Math.ceil(tokens / 4) * 4;
        await assertClose(run(lanes16, twoSamples), expected, 1e-6);
      }
    } finally {
      slot.remove();
    }
  },
});

Deno.test({
  name: "the softmax is bitwise the same with subgroups and without",
  ignore: !hasAdapter,
  sanitizeOps: false,
  sanitizeResources: false,
  async fn() {
    const { runner, runtime, slot } = await openRunner();
    try {
      const { info } = await requestAdapter();
      if (/llvmpipe/.test(info.description)) assert.equal(runner.subgroups?.size, 8);
      const draws = new Samples(1);
      const qkv = draws.normal([1, 37, 3 * heads * 8]);
      const bias = draws.normal([heads, 37, 37]);
      // Eight and four threads share a query.
      for (const tiling of [ATTENTION_TILINGS.square64, ATTENTION_TILINGS.small64]) {
        const [fast, plain] = [runner, new ShaderRunner(runtime, null)].map((runner) => {
          const kernel = attentionKernel({ runner, attentionTilings: () => tiling });
          const { y, saved } = kernel.forward({
            qkv,
            bias,
            heads,
            scale: 0.3,
            precision: "float32",
          });
          return [y, saved[0]];
        });
        for (const [i, tensor] of fast.entries()) {
          assert.deepEqual(await tensor.data(), await plain[i].data());
        }
      }
    } finally {
      slot.remove();
    }
  },
});
