/** Cases of the ops on embeddings and tokens. @module */

import { assembleTokens } from "../ops/assemble_tokens.ts";
import { appendTokens, firstTokens, withMeanToken } from "../ops/extra_tokens.ts";
import { patchEmbed } from "../ops/patch_embed.ts";
import { qkvBias } from "../ops/qkv_bias.ts";
import { relativePositionBias } from "../ops/relative_position_bias.ts";
import { selectRows } from "../ops/select_rows.ts";
import { sliceRows } from "../ops/slice_rows.ts";
import { spliceTokens } from "../ops/splice_tokens.ts";
import { takeTokens } from "../ops/take_tokens.ts";
import type { ConformanceCase } from "./case.ts";
import { allPrecisions, idsBelow, opCases } from "./op_case.ts";
import * as oracles from "./oracles.ts";

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
    inputs: { table: { shape: [rows, heads] }, index: idsBelow(rows, [tokens, tokens]) },
    apply: (on, { table, index }) => ({ y: relativePositionBias(on, table, index) }),
    oracle: ({ table, index }) => ({ y: oracles.relativePositionBias(table, index) }),
    gradients: ["table"],
    repeats: rows === 732,
  });
}

/** Embedding, tokens and their positions. */
export function tokenCases(): ConformanceCase[] {
  return [
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
    ...extraTokensCases(),
    ...(["cls", "patches", "meanPatches"] as const).flatMap((which) => takeTokensCase(which)),
  ];
}

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

/** Sequences of five tokens, made longer or shorter. */
function extraTokensCases(): ConformanceCase[] {
  const [batch, width] = [2, 3];
  const x = { shape: [batch, 5, width] };
  /** [batch, `tokens`, width], each number by its sample, token and channel. */
  const sequence = (tokens: number, value: (sample: number, token: number, c: number) => number) =>
    oracles.fill([batch, tokens, width], (i) => {
      const row = Math.floor(i / width);
      return value(Math.floor(row / tokens), row % tokens, i % width);
    });
  return [
    ...opCases({
      op: "appendTokens",
      inputs: { x, tokens: { shape: [1, 2, width] } },
      apply: (on, { x, tokens }) => ({ y: appendTokens(on, x, tokens) }),
      oracle: ({ x, tokens }) => ({
        y: sequence(7, (sample, token, c) => {
          if (token >= 5) return tokens.data[(token - 5) * width + c];
          return x.data[(sample * 5 + token) * width + c];
        }),
      }),
      gradients: ["x", "tokens"],
    }),
    ...opCases({
      op: "firstTokens",
      inputs: { x },
      apply: (on, { x }) => ({ y: firstTokens(on, x, 2) }),
      oracle: ({ x }) => ({
        y: sequence(2, (sample, token, c) => x.data[(sample * 5 + token) * width + c]),
      }),
      gradients: ["x"],
    }),
    ...opCases({
      op: "withMeanToken",
      inputs: { x },
      apply: (on, { x }) => ({ y: withMeanToken(on, x) }),
      oracle: ({ x }) => {
        const at = (sample: number, token: number, c: number) => {
          return x.data[(sample * 5 + token) * width + c];
        };
        const mean = (sample: number, c: number) => {
          return oracles.sumOf(5, (token) => at(sample, token, c)) / 5;
        };
        return {
          y: sequence(6, (sample, token, c) => {
            return token === 0 ? mean(sample, c) : at(sample, token - 1, c);
          }),
        };
      },
      gradients: ["x"],
    }),
  ];
}
