/** Patch embedding, token sequences and the relative-position bias. @module */

import type { Tensor } from "../../../deps/tfjs.ts";
import type {
  AssembleTokensKernel,
  PatchEmbedKernel,
  RelativePositionBiasKernel,
} from "../../kernels.ts";
import {
  assembleTokensBackwardJob,
  assembleTokensJob,
  patchesJob,
  relativePositionBiasBackwardJob,
  relativePositionBiasJob,
} from "../jobs/row_jobs.ts";
import { addressOf, reshape, type Runtime, withScratch } from "../runtime.ts";
import { task } from "../threads/program.ts";
import { columnSums } from "./linear.ts";
import { multiplyMatrices } from "./matrix_product.ts";

/** Calls `use` with the images' patches as rows: [B·(H/p)·(W/p), channels·p·p]. */
function withPatches<T>(
  runtime: Runtime,
  images: Tensor,
  patchSize: number,
  use: (patches: number, rows: number, columns: number) => T,
): T {
  const [samples, channels, height, width] = images.shape as number[];
  return withScratch(runtime, images.size * 4, (patches) => {
    runtime.pool.run(patchesJob, {
      images: addressOf(runtime, images),
      patches,
      channels,
      height,
      width,
      patchSize,
    }, { items: samples * height / patchSize, work: images.size });
    const columns = channels * patchSize * patchSize;
    return use(patches, images.size / columns, columns);
  });
}

/** See {@link PatchEmbedKernel}. */
export function createPatchEmbed(runtime: Runtime): PatchEmbedKernel {
  const { tensors } = runtime;
  return {
    forward({ images, weight, bias, precision }) {
      const [outputs, , patchSize] = weight.shape as number[];
      const [samples, , height, width] = images.shape as number[];
      const tokens = height / patchSize * (width / patchSize);
      const y = tensors.empty([samples, tokens, outputs]);
      withPatches(runtime, images, patchSize, (patches, rows, depth) =>
        multiplyMatrices(runtime, [{
          rows,
          columns: outputs,
          depth,
          a: { address: patches },
          b: { address: addressOf(runtime, weight), isTransposed: true },
          c: { address: addressOf(runtime, y) },
          start: { bias: addressOf(runtime, bias) },
          precision,
        }]));
      return { y };
    },
    backward({ dy, images, weight, precision }) {
      const [outputs, , patchSize] = weight.shape as number[];
      const dweight = tensors.empty(weight.shape);
      const address = addressOf(runtime, dy);
      const rows = dy.size / outputs;
      const dbias = columnSums(runtime, { address, rows, columns: outputs });
      withPatches(
        runtime,
        images,
        patchSize,
        (patches, depth, columns) =>
          multiplyMatrices(runtime, [{
            rows: outputs,
            columns,
            depth,
            a: { address, isTransposed: true },
            b: { address: patches },
            c: { address: addressOf(runtime, dweight) },
            precision,
          }], { beside: [dbias.task] }),
      );
      return { dweight, dbias: dbias.sums };
    },
  };
}

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

/** See {@link AssembleTokensKernel}. */
export function createAssembleTokens(runtime: Runtime): AssembleTokensKernel {
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
}

/** See {@link RelativePositionBiasKernel}. */
export function createRelativePositionBias(runtime: Runtime): RelativePositionBiasKernel {
  const { tensors, pool } = runtime;
  return {
    forward({ table, index }) {
      const heads = table.shape[1] as number;
      const y = tensors.empty([heads, ...index.shape]);
      pool.run(relativePositionBiasJob, {
        table: addressOf(runtime, table),
        index: addressOf(runtime, index),
        y: addressOf(runtime, y),
        count: index.size,
        heads,
      }, { items: heads, work: 4 * y.size });
      return { y };
    },
    backward({ dy, index, rows }) {
      const heads = dy.shape[0];
      const dtable = tensors.empty([rows, heads]);
      const address = addressOf(runtime, dtable);
      pool.kernels.fill(address, dtable.size, 0);
      pool.run(relativePositionBiasBackwardJob, {
        dy: addressOf(runtime, dy),
        index: addressOf(runtime, index),
        dtable: address,
        count: index.size,
        heads,
      }, { items: heads, work: 4 * dy.size });
      return { dtable };
    },
  };
}
