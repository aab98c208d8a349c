import assert from "node:assert/strict";
import { fc } from "../../deps/fast_check.ts";
import { everyEpoch } from "../../core/schedules/every_epoch.ts";
import { mmengineCosine } from "../../core/schedules/mmengine_cosine.ts";
import { scheduleNames, schedules } from "../../core/schedules/mod.ts";
import { poly } from "../../core/schedules/poly.ts";
import type { WarmupOptions } from "../../core/schedules/schedule.ts";
import { unilmCosine } from "../../core/schedules/unilm_cosine.ts";
import { scheduleSection } from "../../configs/sections/optimization.ts";

const small: WarmupOptions = {
  base: 1e-3,
  minimum: 1e-6,
  warmupSteps: 10,
  totalSteps: 100,
  warmupFactor: 1e-4,
};

const options = fc.record({
  base: fc.double({ min: 1e-5, max: 1, noNaN: true }),
  minimum: fc.constant(1e-6),
  warmupSteps: fc.integer({ min: 0, max: 20 }),
  totalSteps: fc.integer({ min: 21, max: 200 }),
  warmupFactor: fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
});

Deno.test("every schedule of a config rises, then falls, within its bounds", () => {
  fc.assert(
    fc.property(fc.constantFrom(...scheduleNames), options, (name, options) => {
      const rate = schedules[name](options);
      let previous = -Infinity;
      for (let step = 0; step < options.totalSteps; step++) {
        const now = rate(step);
        assert.ok(Number.isFinite(now) && now >= 0 && now <= options.base * (1 + 1e-12));
        if (step > 0 && step < options.warmupSteps) assert.ok(now > previous);
        if (step > options.warmupSteps) assert.ok(now <= previous);
        previous = now;
      }
    }),
    { seed: 1 },
  );
});

Deno.test("a config can name every schedule, and no other", () => {
  for (const variant of scheduleNames) {
    assert.equal(scheduleSection.parse({ variant }).variant, variant);
  }
  assert.equal(scheduleSection.safeParse({ variant: "linear" }).success, false);
});

Deno.test("layer decay: mmengine anneals every group to the same minimum, unilm scales it", () => {
  assert.equal(mmengineCosine(small)(1000, 0.1), 1e-6);
  assert.equal(unilmCosine(small)(1000, 0.1), 1e-7);
  assert.equal(mmengineCosine(small)(9, 0.1), 1e-4);
});

Deno.test("unilm starts at zero, mmengine at its factor; one step of warm-up is no division by 0", () => {
  const unilm = { ...small, warmupFactor: 0 };
  assert.equal(unilmCosine(unilm)(0), 0);
  assert.equal(unilmCosine({ ...unilm, warmupFactor: 0.5 })(0), small.base / 2);
  assert.equal(mmengineCosine(small)(0), 1e-3 * 1e-4);
  assert.equal(mmengineCosine({ ...small, warmupSteps: 1 })(0), 1e-3 * 1e-4);
  assert.equal(unilmCosine({ ...unilm, warmupSteps: 1 })(0), 0);
  assert.equal(mmengineCosine({ ...small, warmupSteps: 0 })(0), 1e-3);
});

Deno.test("the polynomial falls to its minimum, from a line as long as the warm-up", () => {
  const rate = poly({ ...small, minimum: 0, warmupFactor: 0.5, power: 2 });
  assert.equal(rate(0), 1e-3 / 2);
  assert.equal(rate(50), 1e-3 / 4);
  assert.equal(rate(50, 0.5), 1e-3 / 8);
  assert.equal(rate(100), 0);
});

Deno.test("a schedule of epochs keeps its rate, and a group's, within an epoch", () => {
  const byEpoch = everyEpoch(mmengineCosine(small), 7);
  for (const step of [0, 6, 7, 700]) {
    assert.equal(byEpoch(step, 0.5), mmengineCosine(small)(Math.floor(step / 7), 0.5));
  }
});
