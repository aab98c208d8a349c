import { attentionKernel } from "../../../../../backends/webgpu/kernels/attention/attention.ts";
import {
  ATTENTION_TILINGS,
  type AttentionTiling,
} from "../../../../../backends/webgpu/kernels/attention/attention_tilings.ts";
import { openRunner } from "../../../../../backends/webgpu/open_runner.ts";
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
