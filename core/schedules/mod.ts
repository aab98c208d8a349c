/**
 * The schedules that a config can name in `schedule.variant`: one line each, from which the config's schema and
 * the reference pages are derived.
 *
 * @module
 */

import { mmengineCosine } from "./mmengine_cosine.ts";
import type { LearningRateSchedule, WarmupOptions } from "./schedule.ts";
import { unilmCosine } from "./unilm_cosine.ts";

/** How to make each, by name. */
export const schedules = {
  mmselfsup: mmengineCosine,
  unilm: unilmCosine,
} as const satisfies Readonly<Record<string, (options: WarmupOptions) => LearningRateSchedule>>;

/** Their names, in order. */
export const scheduleNames = Object.keys(schedules) as (keyof typeof schedules)[];
