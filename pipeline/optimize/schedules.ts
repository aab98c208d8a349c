/**
 * Learning-rate schedules: linear warm-up, then a cosine, as pure functions of the step.
 *
 * @module
 */

/** A schedule; rates are absolute. */
export interface LearningRateSchedule {
  /**
   * `mmengine`: LinearLR, then CosineAnnealingLR. The warm-up starts at `warmupFactor` × `base` and
   * is at `base` on its last step; with layer decay every group anneals to the same `minimum`.
   * `unilm`: `cosine_scheduler` of microsoft/unilm, whose `start_warmup_value` is `warmupFactor` × `base`,
   * 0 in its recipes; a group's scale applies to the whole curve.
   * `poly`: mmcv's, for segmentation. A polynomial of the whole length, and a line from `warmupFactor`
   * times its value that ends with the warm-up.
   */
  readonly variant: "mmengine" | "unilm" | "poly";
  readonly base: number;
  readonly minimum: number;
  readonly warmupSteps: number;
  /** All steps, those of the warm-up included. */
  readonly totalSteps: number;
  readonly warmupFactor: number;
  /** Exponent of `poly`; 1 if left out. */
  readonly power?: number;
}

/** Half a cosine from `start` at 0 to `end` at 1. */
function cosine(start: number, end: number, progress: number): number {
  return end + 0.5 * (start - end) * (1 + Math.cos(Math.PI * progress));
}

function poly(schedule: LearningRateSchedule, step: number, base: number): number {
  const { minimum, warmupSteps, totalSteps, warmupFactor, power = 1 } = schedule;
  const left = Math.max(0, 1 - step / totalSteps);
  const rate = (base - minimum) * left ** power + minimum;
  if (step >= warmupSteps) return rate;
  return rate * (1 - (1 - step / warmupSteps) * (1 - warmupFactor));
}

/**
 * The learning rate that optimizer step `step` (from 0) uses.
 *
 * @param scale factor of the parameter's group: layer decay, or a multiplier of the user's
 *
 * @example Full rate at the end of the warm-up, near the minimum at the end
 * ```ts
 * import { learningRateAt, type LearningRateSchedule } from "./schedules.ts";
 * const schedule: LearningRateSchedule = {
 *   variant: "mmengine",
 *   base: 1e-3,
 *   minimum: 1e-6,
 *   warmupSteps: 21,
 *   totalSteps: 84,
 *   warmupFactor: 1e-4,
 * };
 * if (learningRateAt(schedule, 20) !== 1e-3) throw new Error();
 * if (Math.abs(learningRateAt(schedule, 83) - 1.62e-6) > 1e-8) throw new Error();
 * ```
 */
export function learningRateAt(schedule: LearningRateSchedule, step: number, scale = 1): number {
  const { variant, base, minimum, warmupSteps, totalSteps, warmupFactor } = schedule;
  if (variant === "poly") return poly(schedule, step, base * scale);
  const progress = Math.min((step - warmupSteps) / Math.max(totalSteps - warmupSteps, 1), 1);
  if (variant === "unilm") {
    if (step >= warmupSteps) return scale * cosine(base, minimum, progress);
    const climb = warmupSteps === 1
      ? 0
      : scale * base * (1 - warmupFactor) * step / (warmupSteps - 1);
    return scale * base * warmupFactor + climb;
  }
  const start = base * scale;
  if (step >= warmupSteps) return cosine(start, minimum, progress);
  const warm = warmupSteps === 1 ? 0 : step / (warmupSteps - 1);
  return start * (warmupFactor + (1 - warmupFactor) * warm);
}
