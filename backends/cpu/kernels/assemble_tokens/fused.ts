/** Token sequences: mask token, cls token and positions. @module */

import type { AssembleTokensKernel } from "../../../kernels.ts";
import { columnSums } from "../../column_sums/column_sums.ts";
import { addressOf, reshape, type Runtime, withScratch } from "../../runtime.ts";
import { task } from "../../threads/program.ts";
import type { CpuKernel } from "../cpu_kernel.ts";
import { descriptions } from "./description.ts";
import { assembleTokensBackwardJob, assembleTokensJob } from "./job.ts";

type AssembleBackward = Parameters<AssembleTokensKernel["backward"]>[0];

function assembleBackward(runtime: Runtime, { dy, mask, hasPositions }: AssembleBackward) {
  const { tensors, pool } = runtime;
  const [samples, tokens, columns] = dy.shape as number[];
  const address = addressOf(runtime, dy);
  const dpatches = tensors.empty([samples, tokens - 1, columns]);
  const rowBytes = tokens * columns * 4;
  const dclsToken = columnSums(runtime, { address, rows: samples, columns, rowBytes });
  const dpositions = hasPositions
    ? columnSums(runtime, { address, rows: samples, columns: tokens * columns })
    : null;
  const dmaskToken = withScratch(runtime, samples * columns * 4, (dmaskTokens) => {
    const patches = task(assembleTokensBackwardJob, {
      dy: address,
      mask: addressOf(runtime, mask),
      dpatches: addressOf(runtime, dpatches),
      dmaskTokens,
      rows: tokens - 1,
      columns,
    }, { items: samples, work: dy.size });
    const sum = mask === null
      ? null
      : columnSums(runtime, { address: dmaskTokens, rows: samples, columns });
    const sums = [dclsToken, dpositions, sum].flatMap((one) => one === null ? [] : [one.task]);
    pool.runStages([[patches], sums]);
    return sum && sum.sums;
  });
  return {
    dpatches,
    dmaskToken: dmaskToken && reshape(dmaskToken, [1, 1, columns]),
    dclsToken: reshape(dclsToken.sums, [1, 1, columns]),
    dpositions: dpositions && reshape(dpositions.sums, [1, tokens, columns]),
  };
}

export const assembleTokens: CpuKernel<"assembleTokens"> = {
  descriptions,
  create(runtime) {
    const { tensors, pool } = runtime;
    return {
      forward({ patches, mask, maskToken, clsToken, positions }) {
        const [samples, tokens, columns] = patches.shape;
        const y = tensors.empty([samples, tokens + 1, columns]);
        pool.run(assembleTokensJob, {
          patches: addressOf(runtime, patches),
          mask: addressOf(runtime, maskToken === null ? null : mask),
          maskToken: addressOf(runtime, maskToken),
          clsToken: addressOf(runtime, clsToken),
          positions: addressOf(runtime, positions),
          y: addressOf(runtime, y),
          rows: tokens,
          columns,
        }, { items: samples, work: y.size });
        return { y };
      },
      backward: (values) => assembleBackward(runtime, values),
    };
  },
};
