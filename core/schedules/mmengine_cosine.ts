/** mmengine's LinearLR, then CosineAnnealingLR. @module */

import { cosine, progressAt } from "./cosine.ts";
import type { LearningRateSchedule, WarmupOptions } from "./schedule.ts";

/**
 * The warm-up starts at `warmupFactor` × `base` and reaches `base` on its last step; with layer
 * decay, every group anneals to the same `minimum`.
 *
 * @example Full rate at the end of the warm-up, near the minimum at the end
 * ```ts
 * import { mmengineCosine } from "./mmengine_cosine.ts";
 * const rate = mmengineCosine({
 *   base: 1e-3,
 *   minimum: 1e-6,
 *   warmupSteps: 21,
 *   totalSteps: 84,
 *   warmupFactor: 1e-4,
 * });
 * if (rate(20) !== 1e-3) throw new Error();
 * if (Math.abs(rate(83) - 1.62e-6) > 1e-8) throw new Error();
 * ```
 */
export function mmengineCosine(options: WarmupOptions): LearningRateSchedule {
  const { base, minimum, warmupSteps, warmupFactor } = options;
  return (step, scale = 1) => {
    const start = base * scale;
    if (step >= warmupSteps) return cosine(start, minimum, progressAt(options, step));
    const warm = warmupSteps === 1 ? 0 : step / (warmupSteps - 1);
    return start * (warmupFactor + (1 - warmupFactor) * warm);
  };
}
