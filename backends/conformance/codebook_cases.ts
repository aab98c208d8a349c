/** Cases for the ops on a tokenizer's codebook. @module */

import { tf } from "../../deps/tfjs.ts";
import { codeStatistics } from "../ops/code_statistics.ts";
import { emaCodebookUpdate } from "../ops/ema_codebook_update.ts";
import { l2Normalize } from "../ops/l2_normalize.ts";
import { nearestCode } from "../ops/nearest_code.ts";
import { straightThrough } from "../ops/straight_through.ts";
import { Parameter } from "../parameter.ts";
import type { ConformanceCase } from "./case.ts";
import { idsBelow, type OpCase, opCases } from "./op_case.ts";
import * as oracles from "./oracles.ts";

function nearestCodeCase(rows: number, codes: number, width: number): ConformanceCase[] {
  return opCases({
    op: "nearestCode",
    inputs: { z: { shape: [rows, width] }, codebook: { shape: [codes, width] } },
    apply: (on, { z, codebook }) => ({
      ids: nearestCode(on, l2Normalize(on, z), l2Normalize(on, codebook)),
    }),
    oracle: ({ z, codebook }) => ({
      ids: oracles.nearestCode(oracles.l2Normalize(z), oracles.l2Normalize(codebook)),
    }),
    gradients: [],
    tolerance: { value: 0, gradient: 0 },
  });
}

function codeStatisticsCase(rows: number, codes: number, width: number): ConformanceCase[] {
  return opCases({
    op: "codeStatistics",
    inputs: { z: { shape: [rows, width] }, ids: idsBelow(Math.max(codes - 1, 1), [rows]) },
    apply: (on, { z, ids }) => ({ ...codeStatistics(on, z, ids, codes) }),
    oracle: ({ z, ids }) => ({ ...oracles.codeStatistics(z, ids, codes) }),
    gradients: [],
    repeats: codes === 513,
  });
}

function emaCodebookUpdateCase(codes: number, width: number): ConformanceCase[] {
  return opCases({
    op: "emaCodebookUpdate",
    inputs: {
      codebook: { shape: [codes, width] },
      clusterSize: { shape: [codes], value: (index) => index },
      counts: { shape: [codes], value: (index) => index % 3 },
      sums: {
        shape: [codes, width],
        value: (index, generator) => Math.floor(index / width) % 3 * generator.normal(),
      },
    },
    apply: (on, { codebook, clusterSize, counts, sums }) => {
      const book = new Parameter("codebook", l2Normalize(on, codebook));
      const sizes = new Parameter("clusterSize", tf.clone(clusterSize));
      emaCodebookUpdate(on, book, sizes, { counts, sums }, 0.9);
      return { codebook: book.value, clusterSize: sizes.value };
    },
    oracle: ({ codebook, clusterSize, counts, sums }) => ({
      ...oracles.emaCodebookUpdate(oracles.l2Normalize(codebook), clusterSize, {
        counts,
        sums,
      }, 0.9),
    }),
    gradients: [],
  });
}

/** Normalised rows, codes and their update. */
export function codebookCases(): ConformanceCase[] {
  return [
    ...[[1, 1], [5, 7], [17, 32], [131, 33]].flatMap((shape) => l2NormalizeCase(shape)),
    ...l2NormalizeCase([3, 4], {
      variant: "row of zeros",
      inputs: { x: { shape: [3, 4], value: (i, generator) => i < 4 ? 0 : generator.normal() } },
      gradients: [],
    }),
    ...nearestCodeCase(1, 1, 1),
    ...nearestCodeCase(17, 9, 5),
    ...nearestCodeCase(150, 517, 32),
    ...nearestCodeCase(50, 1030, 32),
    ...opCases({
      op: "nearestCode",
      variant: "ties go to the lowest id",
      inputs: {
        z: { shape: [4, 2], value: (i) => [1, 0, 0, 1, 1, 0, 0, 1][i] },
        codebook: { shape: [6, 2], value: (i) => [-1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1][i] },
      },
      apply: (on, { z, codebook }) => ({ ids: nearestCode(on, z, codebook) }),
      oracle: () => ({ ids: oracles.fill([4], (i) => i % 2 === 0 ? 2 : 1) }),
      gradients: [],
      tolerance: { value: 0, gradient: 0 },
    }),
    ...codeStatisticsCase(1, 1, 1),
    ...codeStatisticsCase(37, 9, 5),
    ...codeStatisticsCase(300, 513, 32),
    ...emaCodebookUpdateCase(1, 2),
    ...emaCodebookUpdateCase(17, 5),
    ...emaCodebookUpdateCase(513, 32),
    ...opCases({
      op: "straightThrough",
      inputs: { z: { shape: [5, 3] }, quantized: { shape: [5, 3] } },
      apply: (on, { z, quantized }) => ({ y: straightThrough(on, z, quantized) }),
      oracle: ({ quantized }) => ({ y: quantized }),
      gradients: ["z"],
      gradientOracle: (_inputs, dy) => ({ z: dy }),
    }),
  ];
}

function l2NormalizeCase(shape: readonly number[], options: Partial<OpCase> = {}) {
  return opCases({
    op: "l2Normalize",
    inputs: { x: { shape } },
    apply: (on, { x }) => ({ y: l2Normalize(on, x) }),
    oracle: ({ x }) => ({ y: oracles.l2Normalize(x) }),
    gradients: shape[1] === 1 ? [] : ["x"],
    ...options,
  });
}
