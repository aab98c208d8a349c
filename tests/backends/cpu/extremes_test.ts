/** Empty tensors, and values that are not finite, against the compositions. */

import { createCpuBackend } from "../../../backends/cpu/mod.ts";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import {
  attentionCase,
  type Case,
  cosineLossCase,
  l2NormalizeCase,
  layerNormCase,
  linearCase,
  residualCase,
} from "./_cases.ts";
import { assertClose, evaluate, type HostTensor } from "./_compare.ts";
import { availableProviders } from "./_providers.ts";

/** The case with some values of its first input replaced. */
function withSpecials({ inputs, ...rest }: Case, specials: Record<number, number>): Case {
  const [first, ...others] = inputs;
  const values = Float32Array.from(first.values);
  for (const [place, value] of Object.entries(specials)) values[Number(place)] = value;
  const changed: HostTensor = { shape: first.shape, values };
  return { ...rest, inputs: [changed, ...others] };
}

const notFinite = { 3: NaN, 40: Infinity, 77: -Infinity };

const specialCases: Case[] = [
  withSpecials(linearCase(20, 7, 9), notFinite),
  withSpecials(linearCase(20, 7, 9, "gelu"), notFinite),
  withSpecials(linearCase(20, 7, 9, "tanh"), { 3: NaN }),
  withSpecials(layerNormCase(17, 9), notFinite),
  withSpecials(attentionCase(1, 6, 2, 4, true), { 3: NaN }),
  withSpecials(residualCase([2, 9, 7], true, true), notFinite),
  withSpecials(l2NormalizeCase(9, 11), { 3: NaN }),
  withSpecials(cosineLossCase(9, 11), { 3: NaN }),
];

const emptyCases: Case[] = [
  linearCase(0, 7, 9, "gelu"),
  layerNormCase(0, 9),
  attentionCase(0, 6, 2, 4, true),
  residualCase([0, 9, 7], true, false),
  l2NormalizeCase(0, 11),
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
