/** Every fused kernel of the `cpu` backend against the plain compositions, through the ops. */

import { createCpuBackend } from "../../../backends/cpu/mod.ts";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { availableProviders } from "./_providers.ts";
import { cases } from "./_cases.ts";
import { assertClose, assertSameBits, evaluate } from "./_compare.ts";

const tolerance = 2e-5;

Deno.test("fused kernels give the values and gradients of the compositions", async (t) => {
  const reference = await createReferenceBackend();
  const expected = new Map(cases.map(({ name, operation, inputs, gradients }) => {
    return [name, evaluate(reference, operation, inputs, { gradients })] as const;
  }));
  for (const provider of await availableProviders()) {
    const backend = await createCpuBackend({ threads: 1, provider });
    for (const { name, operation, inputs, gradients } of cases) {
      await t.step(`${provider}: ${name}`, () => {
        const actual = evaluate(backend, operation, inputs, { gradients });
        expected.get(name)!.forEach((values, index) =>
          assertClose(actual[index], values, tolerance, `result ${index}`)
        );
      });
    }
    await backend.dispose();
  }
  await reference.dispose();
});

Deno.test("results are the same bits for any number of threads", async (t) => {
  for (const provider of await availableProviders()) {
    const evaluateAll = async (threads: number) => {
      const backend = await createCpuBackend({ threads, provider, sharedWork: 0 });
      const results = cases.flatMap(({ operation, inputs, gradients }) =>
        evaluate(backend, operation, inputs, { gradients })
      );
      await backend.dispose();
      return results;
    };
    await t.step(provider, async () => {
      const expected = await evaluateAll(1);
      assertSameBits(await evaluateAll(2), expected);
      assertSameBits(await evaluateAll(3), expected);
    });
  }
});
