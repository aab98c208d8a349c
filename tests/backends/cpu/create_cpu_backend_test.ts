/** Empty tensors, and values that are not finite, against the compositions. */

import { createCpuBackend } from "../../../backends/cpu/mod.ts";
import type { Activation } from "../../../backends/kernels.ts";
import { attention } from "../../../backends/ops/attention.ts";
import { cosineLoss } from "../../../backends/ops/cosine_loss.ts";
import { l2Normalize } from "../../../backends/ops/l2_normalize.ts";
import { layerNorm } from "../../../backends/ops/layer_norm.ts";
import { linear } from "../../../backends/ops/linear.ts";
import { residual } from "../../../backends/ops/residual.ts";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { assertClose, evaluate, type HostTensor, normal, type Operation } from "./_compare.ts";
import { availableProviders } from "./_providers.ts";

interface Case {
  readonly name: string;
  readonly operation: Operation;
  readonly inputs: HostTensor[];
}

/** An op on normal values; of the first input some are replaced by `specials`, by their places. */
function caseOf(
  name: string,
  shapes: readonly number[][],
  operation: Operation,
  specials: Readonly<Record<number, number>> = {},
): Case {
  const inputs = shapes.map((shape, index) => normal(index + 1, shape));
  for (const [place, value] of Object.entries(specials)) inputs[0].values[Number(place)] = value;
  return { name, operation, inputs };
}

function linearWith(activation: Activation): Operation {
  return (on, [x, weight, bias]) => [linear(on, x, weight, bias, { activation })];
}

const attend: Operation = (on, [qkv, bias]) => [attention(on, qkv, bias, { heads: 2, scale: 0.5 })];
const normalize: Operation = (on, [x, weight, bias]) => [layerNorm(on, x, weight, bias, 1e-6)];
const addScaled: Operation = (on, [x, branch, gamma]) => [residual(on, x, branch, gamma, null)];
const toUnit: Operation = (on, [x]) => [l2Normalize(on, x)];
const compare: Operation = (on, [prediction, target]) => [cosineLoss(on, prediction, target)];

const notFinite = { 3: NaN, 40: Infinity, 77: -Infinity };
const nan = { 3: NaN };

const specialCases: Case[] = [
  caseOf("linear", [[20, 7], [9, 7], [9]], linearWith("none"), notFinite),
  caseOf("linear gelu", [[20, 7], [9, 7], [9]], linearWith("gelu"), notFinite),
  caseOf("linear tanh", [[20, 7], [9, 7], [9]], linearWith("tanh"), nan),
  caseOf("layerNorm", [[17, 9], [9], [9]], normalize, notFinite),
  caseOf("attention", [[1, 6, 24], [2, 6, 6]], attend, nan),
  caseOf("residual", [[2, 9, 7], [2, 9, 7], [7]], addScaled, notFinite),
  caseOf("l2Normalize", [[9, 11]], toUnit, nan),
  caseOf("cosineLoss", [[9, 11], [9, 11]], compare, nan),
];

const emptyCases: Case[] = [
  caseOf("linear gelu", [[0, 7], [9, 7], [9]], linearWith("gelu")),
  caseOf("layerNorm", [[0, 9], [9], [9]], normalize),
  caseOf("attention", [[0, 6, 24], [2, 6, 6]], attend),
  caseOf("residual", [[0, 9, 7], [0, 9, 7], [7]], addScaled),
  caseOf("l2Normalize", [[0, 11]], toUnit),
];

for (const provider of await availableProviders()) {
  Deno.test(`values that are not finite come through ${provider} kernels`, async (t) => {
    const backend = await createCpuBackend({ threads: 1, provider });
    const reference = await createReferenceBackend();
    for (const { name, operation, inputs } of specialCases) {
      await t.step(name, () => {
        // Gradients of infinite values differ by order of evaluation: forward only.
        const actual = evaluate(backend, operation, inputs, { gradients: false });
        const expected = evaluate(reference, operation, inputs, { gradients: false });
        expected.forEach((values, index) => assertClose(actual[index], values, 1e-5, name));
      });
    }
    await backend.dispose();
    await reference.dispose();
  });

  Deno.test(`empty tensors give empty results and zero gradients with ${provider} kernels`, async (t) => {
    const backend = await createCpuBackend({ threads: 1, provider });
    for (const { name, operation, inputs } of emptyCases) {
      await t.step(name, () => {
        const results = evaluate(backend, operation, inputs);
        for (const values of results) assertClose(values, values.map(() => 0), 0, name);
      });
    }
    await backend.dispose();
  });
}
