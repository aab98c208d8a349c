import { mmengineCosine } from "../../core/schedules/mmengine_cosine.ts";
import type { LearningRateSchedule } from "../../core/schedules/schedule.ts";

/** mmengine's schedulers as listed in a fixture. */
export interface SchedulerConfig {
  readonly type: string;
  readonly start_factor?: number;
  readonly eta_min?: number;
  readonly begin: number;
  readonly end: number;
}

/** A warm-up followed by a cosine, as one schedule. */
export function scheduleOf(
  base: number,
  schedulers: readonly SchedulerConfig[],
): LearningRateSchedule {
  const warmup = schedulers.find(({ type }) => type === "LinearLR");
  const cosine = schedulers.find(({ type }) => type === "CosineAnnealingLR");
  return mmengineCosine({
    base,
    minimum: cosine?.eta_min ?? base,
    warmupSteps: warmup?.end ?? 0,
    totalSteps: cosine?.end ?? warmup?.end ?? 0,
    warmupFactor: warmup?.start_factor ?? 1,
  });
}

/** Whose no-decay rule a fixture uses. */
export function decayRule(name: string): "mmselfsup" | "unilm" {
  return name.startsWith("unilm") ? "unilm" : "mmselfsup";
}
