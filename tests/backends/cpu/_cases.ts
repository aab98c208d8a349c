/** Ops with inputs of awkward shapes, for the comparison of backends. */

import { assembleTokens } from "../../../backends/ops/assemble_tokens.ts";
import { attention } from "../../../backends/ops/attention.ts";
import { codeStatistics } from "../../../backends/ops/code_statistics.ts";
import { cosineLoss } from "../../../backends/ops/cosine_loss.ts";
import { l2Normalize } from "../../../backends/ops/l2_normalize.ts";
import { layerNorm } from "../../../backends/ops/layer_norm.ts";
import { linear } from "../../../backends/ops/linear.ts";
import { linearCrossEntropy } from "../../../backends/ops/linear_cross_entropy.ts";
import { nearestCode } from "../../../backends/ops/nearest_code.ts";
import { patchEmbed } from "../../../backends/ops/patch_embed.ts";
import { relativePositionBias } from "../../../backends/ops/relative_position_bias.ts";
import { residual } from "../../../backends/ops/residual.ts";
import { tf } from "../../../deps/tfjs.ts";
import type { Activation } from "../../../backends/kernels.ts";
import { type HostTensor, integers, normal, type Operation, toTensor } from "./_compare.ts";

/** One op with its inputs. */
export interface Case {
  name: string;
  operation: Operation;
  inputs: HostTensor[];
  gradients?: boolean;
}

export function linearCase(
  rows: number,
  inputs: number,
  outputs: number,
  activation: Activation = "none",
): Case {
  return {
    name: `linear ${rows}x${inputs}x${outputs} ${activation}`,
    operation: (on, [x, weight, bias]) => [linear(on, x, weight, bias, { activation })],
    inputs: [
      normal(1, [rows, inputs]),
      normal(2, [outputs, inputs], 1 / Math.sqrt(inputs)),
      normal(3, [outputs]),
    ],
  };
}

export function layerNormCase(rows: number, columns: number): Case {
  return {
    name: `layerNorm ${rows}x${columns}`,
    operation: (on, [x, weight, bias]) => [layerNorm(on, x, weight, bias, 1e-6)],
    inputs: [normal(1, [rows, columns]), normal(2, [columns]), normal(3, [columns])],
  };
}

export function attentionCase(
  samples: number,
  tokens: number,
  heads: number,
  headSize: number,
  hasBias: boolean,
): Case {
  const scale = 1 / Math.sqrt(headSize);
  return {
    name: `attention ${samples}x${tokens}x${heads}x${headSize}${hasBias ? " with bias" : ""}`,
    operation: (on, [qkv, bias]) => [attention(on, qkv, bias ?? null, { heads, scale })],
    inputs: [
      normal(1, [samples, tokens, 3 * heads * headSize]),
      ...(hasBias ? [normal(2, [heads, tokens, tokens])] : []),
    ],
  };
}

export function residualCase(shape: number[], hasGamma: boolean, hasKeep: boolean): Case {
  return {
    name: `residual ${shape.join("x")}${hasGamma ? " gamma" : ""}${hasKeep ? " keep" : ""}`,
    operation: (on, [x, branch, ...rest]) => {
      const gamma = hasGamma ? rest[0] : null;
      // The factors of drop path are data: no gradient is asked for.
      const keep = hasKeep ? tf.cast(rest[rest.length - 1], "float32") : null;
      return [residual(on, x, branch, gamma, keep)];
    },
    inputs: [
      normal(1, shape),
      normal(2, shape),
      ...(hasGamma ? [normal(3, [shape[2]])] : []),
      ...(hasKeep
        ? [integers([shape[0]], Array.from({ length: shape[0] }, (_, i) => 2 * (i % 2)))]
        : []),
    ],
  };
}

export function patchEmbedCase(samples: number, size: number, patch: number, width: number): Case {
  return {
    name: `patchEmbed ${samples}x${size}/${patch}x${width}`,
    operation: (on, [images, weight, bias]) => [
      patchEmbed(on, tf.cast(images, "float32"), weight, bias),
    ],
    inputs: [
      integers(
        [samples, 3, size, size],
        Array.from({ length: samples * 3 * size * size }, (_, index) => (index * 7919) % 13 - 6),
      ),
      normal(2, [width, 3, patch, patch], 0.1),
      normal(3, [width]),
    ],
  };
}

export function assembleCase(
  samples: number,
  tokens: number,
  columns: number,
  isMasked: boolean,
  isPositioned: boolean,
): Case {
  return {
    name: `assembleTokens ${samples}x${tokens}x${columns} ${isMasked} ${isPositioned}`,
    operation: (on, [mask, patches, clsToken, ...rest]) => [
      assembleTokens(on, {
        patches,
        mask: isMasked ? tf.cast(mask, "float32") : null,
        maskToken: isMasked ? rest[0] : null,
        clsToken,
        positions: isPositioned ? rest[rest.length - 1] : null,
      }),
    ],
    inputs: [
      integers(
        [samples, tokens],
        Array.from({ length: samples * tokens }, (_, index) => (index * 31) % 5 < 2 ? 1 : 0),
      ),
      normal(1, [samples, tokens, columns]),
      normal(2, [1, 1, columns]),
      ...(isMasked ? [normal(3, [1, 1, columns])] : []),
      ...(isPositioned ? [normal(4, [1, tokens + 1, columns])] : []),
    ],
  };
}

export function positionBiasCase(tokens: number, rows: number, heads: number): Case {
  return {
    name: `relativePositionBias ${tokens} ${rows}x${heads}`,
    operation: (on, [index, table]) => [relativePositionBias(on, table, index)],
    inputs: [
      integers(
        [tokens, tokens],
        Array.from({ length: tokens * tokens }, (_, index) => (index * 17) % rows),
      ),
      normal(1, [rows, heads]),
    ],
  };
}

export function crossEntropyCase(rows: number, columns: number, codes: number): Case {
  return {
    name: `linearCrossEntropy ${rows}x${columns}x${codes}`,
    operation: (on, [targets, x, weight, bias]) => {
      const { loss, correct } = linearCrossEntropy(on, { x, weight, bias, targets });
      return [loss, correct];
    },
    inputs: [
      integers([rows], Array.from({ length: rows }, (_, index) => (index * 1031) % codes)),
      normal(1, [rows, columns]),
      normal(2, [codes, columns], 0.2),
      normal(3, [codes]),
    ],
  };
}

export function l2NormalizeCase(rows: number, columns: number): Case {
  return {
    name: `l2Normalize ${rows}x${columns}`,
    operation: (on, [x]) => [l2Normalize(on, x)],
    inputs: [normal(1, [rows, columns])],
  };
}

export function cosineLossCase(rows: number, columns: number): Case {
  return {
    name: `cosineLoss ${rows}x${columns}`,
    operation: (on, [prediction]) => [
      cosineLoss(on, prediction, toTensor(normal(2, [rows, columns]))),
    ],
    inputs: [normal(1, [rows, columns])],
  };
}

export function codebookCase(rows: number, codes: number, columns: number): Case {
  return {
    name: `nearestCode and codeStatistics ${rows}x${codes}x${columns}`,
    operation: (on, [z, codebook]) => {
      const [unit, codes] = [l2Normalize(on, z), l2Normalize(on, codebook)];
      const ids = nearestCode(on, unit, codes);
      const { counts, sums } = codeStatistics(on, unit, ids, codes.shape[0]);
      return [ids, counts, sums];
    },
    inputs: [normal(1, [rows, columns]), normal(2, [codes, columns])],
    gradients: false,
  };
}

/** Shapes around the sizes of vectors, tiles and blocks. */
export const cases: Case[] = [
  linearCase(1, 1, 1),
  linearCase(5, 7, 9, "gelu"),
  linearCase(13, 300, 17, "quickGelu"),
  linearCase(97, 33, 401, "tanh"),
  linearCase(64, 48, 64),
  layerNormCase(1, 1),
  layerNormCase(3, 5),
  layerNormCase(70, 67),
  attentionCase(1, 1, 1, 1, false),
  attentionCase(2, 5, 3, 7, true),
  attentionCase(5, 17, 2, 8, true),
  attentionCase(2, 101, 2, 16, false),
  residualCase([2, 3, 5], true, true),
  residualCase([3, 11, 17], true, false),
  residualCase([4, 5, 8], false, true),
  residualCase([1, 2, 3], false, false),
  patchEmbedCase(2, 8, 4, 5),
  patchEmbedCase(1, 6, 3, 9),
  assembleCase(3, 5, 7, true, true),
  assembleCase(2, 4, 8, true, false),
  assembleCase(2, 3, 5, false, true),
  assembleCase(1, 1, 1, false, false),
  positionBiasCase(5, 12, 3),
  positionBiasCase(10, 39, 2),
  crossEntropyCase(3, 5, 7),
  crossEntropyCase(13, 24, 1500),
  l2NormalizeCase(5, 3),
  l2NormalizeCase(33, 32),
  cosineLossCase(5, 3),
  cosineLossCase(40, 33),
  codebookCase(30, 11, 5),
  codebookCase(50, 1030, 32),
];
