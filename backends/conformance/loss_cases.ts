/** Cases for the losses. @module */

import { cosineLoss } from "../ops/cosine_loss.ts";
import { linearCrossEntropy } from "../ops/linear_cross_entropy.ts";
import { meanSquaredError } from "../ops/mean_squared_error.ts";
import { softTargetCrossEntropy } from "../ops/soft_target_cross_entropy.ts";
import type { ConformanceCase } from "./case.ts";
import { allPrecisions, idsBelow, type InputSpec, type OpCase, opCases } from "./op_case.ts";
import * as oracles from "./oracles.ts";

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
      targets: idsBelow(codes, [rows]),
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

function cosineLossCase(rows: number, width: number): ConformanceCase[] {
  return opCases({
    op: "cosineLoss",
    inputs: { prediction: { shape: [rows, width] }, target: { shape: [rows, width] } },
    apply: (on, { prediction, target }) => ({ loss: cosineLoss(on, prediction, target) }),
    oracle: ({ prediction, target }) => ({ loss: oracles.cosineLoss(prediction, target) }),
    gradients: ["prediction"],
  });
}

/** Losses, with the head that is part of one. */
export function lossCases(): ConformanceCase[] {
  return [
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
}
