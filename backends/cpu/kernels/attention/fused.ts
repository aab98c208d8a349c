/** Attention with a relative-position bias. @module */

import type { AttentionKernel } from "../../../kernels.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { stepsPerPlaceOf } from "../../products/multiply_matrices.ts";
import { blockShape } from "../../products/panel_products.ts";
import { addressOf, reshape, type Runtime } from "../../runtime.ts";
import { task } from "../../threads/program.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { attentionBackwardJob, attentionJob } from "./job.ts";
import { attentionBackwardBytes, attentionForwardBytes } from "./layout.ts";

/** Groups of samples whose bias gradients are summed separately: enough items for the threads. */
const largestGroups = 4;

function shapes(qkv: { shape: number[] }, heads: number) {
  const [samples, tokens, width] = qkv.shape;
  return { samples, tokens, channels: width / 3, headSize: width / 3 / heads };
}

type BackwardArguments = Parameters<AttentionKernel["backward"]>[0];

function backward(runtime: Runtime, values: BackwardArguments) {
  const { dy, qkv, bias, y, saved: [statistics], heads, scale, precision } = values;
  const { tensors, pool } = runtime;
  const { samples, tokens, headSize } = shapes(qkv, heads);
  const dqkv = tensors.empty(qkv.shape);
  const stepsPerPlace = stepsPerPlaceOf(runtime, { precision });
  const block = blockShape(pool.tile, stepsPerPlace);
  const groups = bias === null ? samples : Math.min(samples, largestGroups);
  const dbiases = bias === null ? null : tensors.empty([groups, heads, tokens, tokens]);
  const gradients = task(attentionBackwardJob, {
    dy: addressOf(runtime, dy),
    qkv: addressOf(runtime, qkv),
    bias: addressOf(runtime, bias),
    y: addressOf(runtime, y),
    statistics: addressOf(runtime, statistics),
    dqkv: addressOf(runtime, dqkv),
    dbiases: addressOf(runtime, dbiases),
    samples,
    groups,
    heads,
    tokens,
    headSize,
    scale,
    stepsPerPlace,
  }, {
    items: groups * heads,
    scratchBytes: attentionBackwardBytes({ tokens, headSize, block, stepsPerPlace }),
    work: 5 * samples * heads * tokens * tokens * headSize,
  });
  if (dbiases === null || bias === null) {
    pool.runStages([[gradients]]);
    return { dqkv, dbias: null };
  }
  const dbias = columnSums(runtime, {
    address: addressOf(runtime, dbiases),
    rows: groups,
    columns: heads * tokens * tokens,
  });
  pool.runStages([[gradients], [dbias.task]]);
  dbiases.dispose();
  return { dqkv, dbias: reshape(dbias.sums, bias.shape) };
}

export const attention: CpuKernel<"attention"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    return {
      forward({ qkv, bias, heads, scale, precision }) {
        const { samples, tokens, channels, headSize } = shapes(qkv, heads);
        const y = tensors.empty([samples, tokens, channels]);
        const stepsPerPlace = stepsPerPlaceOf(runtime, { precision });
        const block = blockShape(pool.tile, stepsPerPlace);
        const statistics = tensors.empty([samples, heads, tokens, 2]);
        pool.run(attentionJob, {
          qkv: addressOf(runtime, qkv),
          bias: addressOf(runtime, bias),
          y: addressOf(runtime, y),
          statistics: addressOf(runtime, statistics),
          heads,
          tokens,
          headSize,
          scale,
          stepsPerPlace,
        }, {
          items: samples * heads,
          scratchBytes: attentionForwardBytes({ tokens, headSize, block, stepsPerPlace }),
          work: 2 * samples * heads * tokens * tokens * headSize,
        });
        return { y, saved: [statistics] };
      },
      backward: (values) => backward(runtime, values),
    };
  },
};
