import assert from "node:assert/strict";
import { fc } from "../../../deps/fast_check.ts";
import { learningRateAt, type LearningRateSchedule } from "../../../pipeline/optimize/schedules.ts";

const small: LearningRateSchedule = {
  variant: "mmengine",
  base: 1e-3,
  minimum: 1e-6,
  warmupSteps: 10,
  totalSteps: 100,
  warmupFactor: 1e-4,
};

const schedules = fc.record({
  variant: fc.constantFrom("mmengine" as const, "unilm" as const),
  base: fc.double({ min: 1e-5, max: 1, noNaN: true }),
  minimum: fc.constant(1e-6),
  warmupSteps: fc.integer({ min: 0, max: 20 }),
  totalSteps: fc.integer({ min: 21, max: 200 }),
  warmupFactor: fc.double({ min: 1e-6, max: 0.5, noNaN: true }),
});

Deno.test("a schedule rises, then falls, within its bounds", () => {
  fc.assert(
    fc.property(schedules, (schedule) => {
      let previous = -Infinity;
      for (let step = 0; step < schedule.totalSteps; step++) {
        const rate = learningRateAt(schedule, step);
        assert.ok(Number.isFinite(rate) && rate >= 0 && rate <= schedule.base * (1 + 1e-12));
        if (step > 0 && step < schedule.warmupSteps) assert.ok(rate > previous);
        if (step > schedule.warmupSteps) assert.ok(rate <= previous);
        previous = rate;
      }
    }),
    { seed: 1 },
  );
});

Deno.test("layer decay: mmengine anneals every group to the same minimum, unilm scales it", () => {
  const last = learningRateAt(small, 1000, 0.1);
  assert.equal(last, 1e-6);
  assert.equal(learningRateAt({ ...small, variant: "unilm" }, 1000, 0.1), 1e-7);
  assert.equal(learningRateAt(small, 9, 0.1), 1e-4);
});

Deno.test("unilm starts at zero, mmengine at its factor; one step of warm-up is no division by 0", () => {
  const unilm = { ...small, variant: "unilm" as const, warmupFactor: 0 };
  assert.equal(learningRateAt(unilm, 0), 0);
  assert.equal(learningRateAt({ ...unilm, warmupFactor: 0.5 }, 0), small.base / 2);
  assert.equal(learningRateAt(small, 0), 1e-3 * 1e-4);
  assert.equal(learningRateAt({ ...small, warmupSteps: 1 }, 0), 1e-3 * 1e-4);
  assert.equal(learningRateAt({ ...unilm, warmupSteps: 1 }, 0), 0);
  assert.equal(learningRateAt({ ...small, warmupSteps: 0 }, 0), 1e-3);
});
