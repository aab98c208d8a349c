import assert from "node:assert/strict";
import { fc } from "../../../deps/fast_check.ts";
import { CodebookUsage } from "../../../methods/vqkd/codebook_usage.ts";

/** The figures of the last `window` steps, from their definition. */
function figures(steps: readonly number[][], window: number) {
  const codes = steps[0].length;
  const hits = Array.from(
    { length: codes },
    (_, code) => steps.slice(-window).reduce((sum, step) => sum + step[code], 0),
  );
  const total = hits.reduce((sum, n) => sum + n, 0);
  const used = hits.filter((n) => n > 0);
  const entropy = used.reduce((sum, n) => sum - n / total * Math.log(n / total), 0);
  const idle = hits.map((_, code) => {
    const last = steps.findLastIndex((step) => step[code] > 0);
    return steps.length - 1 - last;
  });
  return {
    codebookUsage: used.length / codes,
    codebookPerplexity: Math.exp(entropy),
    deadCodes: codes - used.length,
    longestIdleSteps: Math.max(...idle),
  };
}

const history = fc.array(
  fc.array(fc.nat({ max: 9 }), { minLength: 6, maxLength: 6 }),
  { minLength: 1, maxLength: 20 },
);

Deno.test("usage, perplexity, dead codes and ages are those of their definitions", () => {
  fc.assert(
    fc.property(history, fc.integer({ min: 1, max: 8 }), (steps, window) => {
      const usage = new CodebookUsage(6, window);
      for (const step of steps) usage.add(Float32Array.from(step));
      const expected = figures(steps, window);
      for (const [name, value] of Object.entries(expected)) {
        assert.ok(Math.abs(usage.health[name] - value) < 1e-9, `${name}: ${usage.health[name]}`);
      }
      assert.equal(usage.isFull, steps.length >= window);
    }),
    { seed: 5, numRuns: 200 },
  );
});

Deno.test("an exported window goes on as if there had been no export", () => {
  fc.assert(
    fc.property(history, history, (before, after) => {
      const whole = new CodebookUsage(6, 4);
      for (const step of before) whole.add(Float32Array.from(step));
      const resumed = new CodebookUsage(6, 4);
      resumed.load(whole.export());
      for (const step of after) {
        whole.add(Float32Array.from(step));
        resumed.add(Float32Array.from(step));
      }
      assert.deepEqual(resumed.health, whole.health);
      assert.deepEqual(resumed.idleSteps, whole.idleSteps);
    }),
    { seed: 6, numRuns: 100 },
  );
});
