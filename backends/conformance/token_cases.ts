/** Cases of the ops at both ends of the model: tokens in, losses and codes out. @module */

import { tf } from "../../deps/tfjs.ts";
import type { Generator } from "../../core/generator.ts";
import { assembleTokens } from "../ops/assemble_tokens.ts";
import { codeStatistics } from "../ops/code_statistics.ts";
import { cosineLoss } from "../ops/cosine_loss.ts";
import { emaCodebookUpdate } from "../ops/ema_codebook_update.ts";
import { l2Normalize } from "../ops/l2_normalize.ts";
import { linearCrossEntropy } from "../ops/linear_cross_entropy.ts";
import { meanSquaredError } from "../ops/mean_squared_error.ts";
import { nearestCode } from "../ops/nearest_code.ts";
import { patchEmbed } from "../ops/patch_embed.ts";
import { qkvBias } from "../ops/qkv_bias.ts";
import { relativePositionBias } from "../ops/relative_position_bias.ts";
import { softTargetCrossEntropy } from "../ops/soft_target_cross_entropy.ts";
import { selectRows } from "../ops/select_rows.ts";
import { sliceRows } from "../ops/slice_rows.ts";
import { spliceTokens } from "../ops/splice_tokens.ts";
import { straightThrough } from "../ops/straight_through.ts";
import { takeTokens } from "../ops/take_tokens.ts";
import { Parameter } from "../parameter.ts";
import type { ConformanceCase } from "./case.ts";
import { type InputSpec, type OpCase, opCases } from "./op_case.ts";
import * as oracles from "./oracles.ts";

const allPrecisions = ["float32", "float16", "bfloat16"] as const;

/** Whole numbers below `limit`. */
function idsSpec(shape: readonly number[], limit: number): InputSpec {
  const value = (_index: number, generator: Generator) => generator.integer(0, limit - 1);
  return { shape, dtype: "int32", value };
}

function patchEmbedCase(images: readonly number[], outputs: number, patch: number) {
  const fanIn = images[1] * patch * patch;
  return opCases({
    op: "patchEmbed",
    inputs: {
      images: { shape: images },
      weight: {
        shape: [outputs, images[1], patch, patch],
        value: (_index, generator) => generator.normal(0, fanIn ** -0.5),
      },
      bias: { shape: [outputs] },
    },
    apply: (on, { images, weight, bias }) => ({ y: patchEmbed(on, images, weight, bias) }),
    oracle: ({ images, weight, bias }) => ({ y: oracles.patchEmbed(images, weight, bias) }),
    gradients: ["weight", "bias"],
    precisions: allPrecisions,
  });
}

function assembleTokensCase(
  [batch, patches, width]: readonly [number, number, number],
  { mask, positions }: { mask: boolean; positions: boolean },
): ConformanceCase[] {
  const parts = [mask ? "mask" : undefined, positions ? "positions" : undefined]
    .filter((part) => part !== undefined);
  return opCases({
    op: "assembleTokens",
    variant: parts.length === 0 ? "plain" : parts.join(", "),
    inputs: {
      patches: { shape: [batch, patches, width] },
      clsToken: { shape: [1, 1, width] },
      ...(mask
        ? {
          mask: { shape: [batch, patches], value: (_i, generator) => generator.integer(0, 1) },
          maskToken: { shape: [1, 1, width] },
        }
        : {}),
      ...(positions ? { positions: { shape: [1, patches + 1, width] } } : {}),
    },
    apply: (on, { patches, clsToken, mask, maskToken, positions }) => ({
      y: assembleTokens(on, {
        patches,
        clsToken,
        mask: mask ?? null,
        maskToken: maskToken ?? null,
        positions: positions ?? null,
      }),
    }),
    oracle: ({ patches, clsToken, mask, maskToken, positions }) => ({
      y: oracles.assembleTokens({
        patches,
        clsToken,
        mask: mask ?? null,
        maskToken: maskToken ?? null,
        positions: positions ?? null,
      }),
    }),
    gradients: [
      "patches",
      "clsToken",
      ...(mask ? ["maskToken"] : []),
      ...(positions ? ["positions"] : []),
    ],
  });
}

function relativePositionBiasCase(rows: number, heads: number, tokens: number) {
  return opCases({
    op: "relativePositionBias",
    inputs: { table: { shape: [rows, heads] }, index: idsSpec([tokens, tokens], rows) },
    apply: (on, { table, index }) => ({ y: relativePositionBias(on, table, index) }),
    oracle: ({ table, index }) => ({ y: oracles.relativePositionBias(table, index) }),
    gradients: ["table"],
    repeats: rows === 732,
  });
}

const tokenCases = () => [
  ...patchEmbedCase([1, 3, 2, 2], 1, 2),
  ...patchEmbedCase([2, 3, 6, 9], 5, 3),
  ...patchEmbedCase([2, 1, 8, 4], 7, 4),
  ...patchEmbedCase([2, 3, 32, 32], 48, 4),
  ...patchEmbedCase([2, 3, 32, 32], 33, 16),
  ...assembleTokensCase([1, 1, 1], { mask: false, positions: false }),
  ...assembleTokensCase([2, 5, 3], { mask: true, positions: false }),
  ...assembleTokensCase([2, 4, 5], { mask: false, positions: true }),
  ...assembleTokensCase([3, 16, 7], { mask: true, positions: true }),
  ...assembleTokensCase([2, 64, 192], { mask: true, positions: true }),
  ...relativePositionBiasCase(3, 1, 1),
  ...relativePositionBiasCase(12, 3, 5),
  ...relativePositionBiasCase(52, 3, 17),
  ...relativePositionBiasCase(732, 12, 50),
  ...opCases({
    op: "qkvBias",
    inputs: { qBias: { shape: [7] }, vBias: { shape: [7] } },
    apply: (on, { qBias, vBias }) => ({ y: qkvBias(on, qBias, vBias) }),
    oracle: ({ qBias, vBias }) => ({
      y: oracles.fill([21], (i) => i < 7 ? qBias.data[i] : i < 14 ? 0 : vBias.data[i - 14]),
    }),
    gradients: ["qBias", "vBias"],
  }),
  ...opCases({
    op: "spliceTokens",
    inputs: { cls: { shape: [3, 7] }, patchesFrom: { shape: [3, 5, 7] } },
    apply: (on, { cls, patchesFrom }) => ({ y: spliceTokens(on, cls, patchesFrom) }),
    oracle: ({ cls, patchesFrom }) => ({
      y: oracles.fill([3, 5, 7], (i) => {
        return i % 35 < 7 ? cls.data[Math.floor(i / 35) * 7 + i % 35] : patchesFrom.data[i];
      }),
    }),
    gradients: ["cls", "patchesFrom"],
  }),
  ...opCases({
    op: "sliceRows",
    inputs: { x: { shape: [6, 5] } },
    apply: (on, { x }) => ({ y: sliceRows(on, x, 2, 3) }),
    oracle: ({ x }) => ({ y: oracles.fill([3, 5], (i) => x.data[10 + i]) }),
    gradients: ["x"],
  }),
  ...selectRowsCase([1, 1, 1], [0]),
  ...selectRowsCase([3, 5, 7], [13, 0, 4, 5, 9]),
  ...selectRowsCase([2, 65, 48], Array.from({ length: 52 }, (_, i) => 128 - 2 * i)),
  ...(["cls", "patches", "meanPatches"] as const).flatMap((which) => takeTokensCase(which)),
];

/** Not in the order of `x`. */
function selectRowsCase(shape: [number, number, number], chosen: number[]): ConformanceCase[] {
  const width = shape[2];
  return opCases({
    op: "selectRows",
    inputs: {
      x: { shape },
      rows: { shape: [chosen.length], dtype: "int32", value: (index) => chosen[index] },
    },
    apply: (on, { x, rows }) => ({ y: selectRows(on, x, rows) }),
    oracle: ({ x }) => ({
      y: oracles.fill([chosen.length, width], (i) => {
        return x.data[chosen[Math.floor(i / width)] * width + i % width];
      }),
    }),
    gradients: ["x"],
  });
}

function takeTokensCase(which: "cls" | "patches" | "meanPatches"): ConformanceCase[] {
  const oracle = ({ data }: oracles.Values): oracles.Values => {
    const at = (sample: number, token: number, channel: number) => {
      return data[(sample * 5 + token) * 3 + channel];
    };
    if (which === "cls") return oracles.fill([2, 3], (i) => at(Math.floor(i / 3), 0, i % 3));
    if (which === "patches") {
      return oracles.fill([2, 4, 3], (i) => {
        return at(Math.floor(i / 12), 1 + Math.floor(i / 3) % 4, i % 3);
      });
    }
    return oracles.fill([2, 3], (i) => {
      return oracles.sumOf(4, (token) => at(Math.floor(i / 3), 1 + token, i % 3)) / 4;
    });
  };
  return opCases({
    op: "takeTokens",
    variant: which,
    inputs: { x: { shape: [2, 5, 3] } },
    apply: (on, { x }) => ({ y: takeTokens(on, x, which) }),
    oracle: ({ x }) => ({ y: oracle(x) }),
    gradients: ["x"],
  });
}

interface CrossEntropyShape {
  rows: number;
  width: number;
  codes: number;
  options?: Partial<OpCase>;
  value?: InputSpec["value"];
}

function linearCrossEntropyCase({ rows, width, codes, options, value }: CrossEntropyShape) {
  return opCases({
    op: "linearCrossEntropy",
    inputs: {
      x: { shape: [rows, width], value },
      weight: { shape: [codes, width] },
      bias: { shape: [codes] },
      targets: idsSpec([rows], codes),
    },
    apply: (on, { x, weight, bias, targets }) => ({
      ...linearCrossEntropy(on, { x, weight, bias, targets }),
    }),
    oracle: ({ x, weight, bias, targets }) => ({
      ...oracles.linearCrossEntropy(x, weight, bias, targets),
    }),
    gradients: ["x", "weight", "bias"],
    precisions: allPrecisions,
    repeats: codes === 1031,
    ...options,
  });
}

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
    inputs: { z: { shape: [rows, width] }, ids: idsSpec([rows], Math.max(codes - 1, 1)) },
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

const codeCases = () => [
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

function cosineLossCase(rows: number, width: number): ConformanceCase[] {
  return opCases({
    op: "cosineLoss",
    inputs: { prediction: { shape: [rows, width] }, target: { shape: [rows, width] } },
    apply: (on, { prediction, target }) => ({ loss: cosineLoss(on, prediction, target) }),
    oracle: ({ prediction, target }) => ({ loss: oracles.cosineLoss(prediction, target) }),
    gradients: ["prediction"],
  });
}

const lossCases = () => [
  ...linearCrossEntropyCase({ rows: 1, width: 1, codes: 2 }),
  ...linearCrossEntropyCase({ rows: 3, width: 5, codes: 7 }),
  ...linearCrossEntropyCase({ rows: 13, width: 6, codes: 17 }),
  ...linearCrossEntropyCase({ rows: 40, width: 33, codes: 65 }),
  ...linearCrossEntropyCase({ rows: 51, width: 48, codes: 1031 }),
  ...linearCrossEntropyCase({
    rows: 4,
    width: 3,
    codes: 5,
    value: (_index, generator) => generator.normal(0, 100),
    options: { variant: "large values", gradients: [], precisions: ["float32"] },
  }),
  ...linearCrossEntropyCase({
    rows: 2,
    width: 3,
    codes: 5,
    value: (index, generator) => index === 0 ? NaN : generator.normal(),
    options: {
      variant: "NaN",
      apply: (on, { x, weight, bias, targets }) => ({
        loss: linearCrossEntropy(on, { x, weight, bias, targets }).loss,
      }),
      oracle: () => ({ loss: oracles.fill([], () => NaN) }),
      gradients: [],
    },
  }),
  ...cosineLossCase(2, 2),
  ...cosineLossCase(17, 15),
  ...cosineLossCase(98, 512),
  ...opCases({
    op: "meanSquaredError",
    inputs: { a: { shape: [5, 7] }, b: { shape: [5, 7] } },
    apply: (on, { a, b }) => ({ loss: meanSquaredError(on, a, b) }),
    oracle: ({ a, b }) => ({
      loss: oracles.fill([], () => oracles.sumOf(35, (i) => (a.data[i] - b.data[i]) ** 2) / 35),
    }),
    gradients: ["a", "b"],
  }),
  ...opCases({
    op: "softTargetCrossEntropy",
    inputs: {
      logits: { shape: [3, 9] },
      targets: { shape: [3, 9], value: (index) => index % 9 === 2 ? 0.6 : 0.05 },
    },
    apply: (on, { logits, targets }) => ({ loss: softTargetCrossEntropy(on, logits, targets) }),
    oracle: ({ logits, targets }) => {
      const rows = oracles.rowsOf(logits);
      const losses = oracles.sumOf(27, (i) => {
        return targets.data[i] * oracles.negativeLogLikelihood(rows[Math.floor(i / 9)], i % 9);
      });
      return { loss: oracles.fill([], () => losses / 3) };
    },
    gradients: ["logits"],
  }),
];

/** Embedding, tokens, codes and losses. */
export function tokenAndLossCases(): ConformanceCase[] {
  return [...tokenCases(), ...codeCases(), ...lossCases()];
}
