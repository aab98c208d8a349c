/** Every fused kernel of the `cpu` backend against the plain compositions, through the ops. */

import { createCpuBackend } from "../../../backends/cpu/mod.ts";
import { createReferenceBackend } from "../../../backends/reference/mod.ts";
import { cases } from "./_cases.ts";
import { assertClose, assertSameBits, evaluate } from "./_compare.ts";

const tolerance = 2e-5;

Deno.test("fused kernels give the values and gradients of the compositions", async (t) => {
  const cpu = await createCpuBackend({ threads: 1 });
  const reference = await createReferenceBackend();
  for (const { name, operation, inputs, gradients } of cases) {
    await t.step(name, () => {
      const actual = evaluate(cpu, operation, inputs, { gradients });
      const expected = evaluate(reference, operation, inputs, { gradients });
      expected.forEach((values, index) =>
        assertClose(actual[index], values, tolerance, `result ${index}`)
      );
    });
  }
  await cpu.dispose();
  await reference.dispose();
});

Deno.test("results are the same bits for any number of threads", async () => {
  const evaluateAll = async (threads: number) => {
    const backend = await createCpuBackend({ threads, sharedWork: 0 });
    const results = cases.flatMap(({ operation, inputs, gradients }) =>
      evaluate(backend, operation, inputs, { gradients })
    );
    await backend.dispose();
    return results;
  };
  const expected = await evaluateAll(1);
  assertSameBits(await evaluateAll(2), expected);
  assertSameBits(await evaluateAll(3), expected);
});
