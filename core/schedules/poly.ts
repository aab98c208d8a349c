/** mmcv's polynomial decay, for segmentation. @module */

import type { LearningRateSchedule, WarmupOptions } from "./schedule.ts";

/**
 * Polynomial decay over the whole length, scaled during the warm-up by a factor that rises linearly from
 * `warmupFactor` to 1.
 *
 * @param options `power`: the polynomial's exponent; default: 1
 *
 * @example Linear decay to zero
 * ```ts
 * import { poly } from "./poly.ts";
 * const rate = poly({ base: 1, minimum: 0, warmupSteps: 0, totalSteps: 4, warmupFactor: 0 });
 * if ([0, 1, 2, 3].map((step) => rate(step)).join() !== "1,0.75,0.5,0.25") throw new Error();
 * ```
 */
export function poly(
  options: WarmupOptions & { readonly power?: number },
): LearningRateSchedule {
  const { base, minimum, warmupSteps, totalSteps, warmupFactor, power = 1 } = options;
  return (step, scale = 1) => {
    const left = Math.max(0, 1 - step / totalSteps);
    const rate = (base * scale - minimum) * left ** power + minimum;
    if (step >= warmupSteps) return rate;
    return rate * (1 - (1 - step / warmupSteps) * (1 - warmupFactor));
  };
}
