/** `cosine_scheduler` of microsoft/unilm. @module */

import { cosine, progressAt } from "./cosine.ts";
import type { LearningRateSchedule, WarmupOptions } from "./schedule.ts";

/**
 * Its `start_warmup_value` is `warmupFactor` × `base`, 0 in unilm's recipes; a group's scale applies to
 * the whole curve.
 *
 * @example
 * ```ts
 * import { unilmCosine } from "./unilm_cosine.ts";
 * const rate = unilmCosine({
 *   base: 1e-3,
 *   minimum: 1e-6,
 *   warmupSteps: 21,
 *   totalSteps: 84,
 *   warmupFactor: 0,
 * });
 * if (rate(0) !== 0 || rate(20) !== 1e-3) throw new Error();
 * if (rate(84, 0.5) !== 5e-7) throw new Error();
 * ```
 */
export function unilmCosine(options: WarmupOptions): LearningRateSchedule {
  const { base, minimum, warmupSteps, warmupFactor } = options;
  return (step, scale = 1) => {
    if (step >= warmupSteps) return scale * cosine(base, minimum, progressAt(options, step));
    const climb = warmupSteps === 1
      ? 0
      : scale * base * (1 - warmupFactor) * step / (warmupSteps - 1);
    return scale * base * warmupFactor + climb;
  };
}
