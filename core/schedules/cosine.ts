import type { WarmupOptions } from "./schedule.ts";

/** Half a cosine from `start` at 0 to `end` at 1. */
export function cosine(start: number, end: number, progress: number): number {
  return end + 0.5 * (start - end) * (1 + Math.cos(Math.PI * progress));
}

/** The fraction, at most 1, of the way from the end of the warm-up to the last step. */
export function progressAt({ warmupSteps, totalSteps }: WarmupOptions, step: number): number {
  return Math.min((step - warmupSteps) / Math.max(totalSteps - warmupSteps, 1), 1);
}
