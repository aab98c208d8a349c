/** Optimizer, schedule, loss scale. @module */
import { scheduleNames } from "../../core/schedules/mod.ts";
import { z } from "../../deps/zod.ts";
import { most } from "./most.ts";

/** AdamW, clipping, parameter groups. */
export const optimizerSection = z.strictObject({
  lr: z.number().positive().default(1.5e-3).describe(
    "Peak learning rate for the batch as given: nothing rescales it.",
  ),
  betas: z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]).default([0.9, 0.98]).describe(
    "AdamW's decays: (0.9, 0.98) for 300 epochs, (0.9, 0.999) for 1600.",
  ),
  epsilon: z.number().positive().default(1e-8).describe("The ε in AdamW's denominator."),
  weightDecay: z.number().min(0).default(0.05).describe("AdamW's decoupled weight decay."),
  clipGradNorm: z.number().positive().nullable().default(3).describe(
    "Maximum global gradient norm; null: no clipping.",
  ),
  layerDecay: z.number().positive().max(1).default(1).describe(
    "Learning-rate factor per block, counted from the top; 1: none.",
  ),
  lrMultipliers: z.record(z.string(), z.number().min(0)).default({}).describe(
    "Learning-rate factor for parameters whose name contains the key.",
  ),
  noDecayRule: z.enum(["mmselfsup", "mmselfsup-ft30e", "unilm"]).default("unilm").describe(
    "Which parameters have no weight decay; mmselfsup-ft30e: only cls token, positions and layer scale.",
  ),
}).describe("AdamW.");

/** Length of a run and its learning rates. */
export const scheduleSection = z.strictObject({
  epochs: z.number().positive().max(most.epochs).nullable().default(300).describe(
    "Length of the schedule in passes over the data.",
  ),
  steps: z.int().min(1).max(most.steps).nullable().default(null).describe(
    "Length of the schedule in optimizer steps; an alternative to `epochs`.",
  ),
  maxSteps: z.int().min(1).max(most.steps).nullable().default(null).describe(
    "Stop after this step; the schedule keeps its length, so that a longer run agrees with it.",
  ),
  warmupEpochs: z.number().min(0).max(most.epochs).nullable().default(10).describe(
    "Passes over the data during which the learning rate rises.",
  ),
  warmupRatio: z.number().min(0).max(1).nullable().default(null).describe(
    "Share of the schedule during which the learning rate rises; an alternative to `warmupEpochs`.",
  ),
  warmupStartFactor: z.number().min(0).max(1).default(0).describe(
    "Learning rate of the first step relative to the peak (unilm: 0, mmselfsup: 1e-4).",
  ),
  minLr: z.number().min(0).default(1e-5).describe("Learning rate at the end of the cosine."),
  variant: z.enum(scheduleNames).default("unilm").describe(
    "When the warm-up reaches the peak, and whether `minLr` scales with layer decay (unilm: yes).",
  ),
}).describe("Linear warm-up, then a cosine, updated every step.");

/** Dynamic loss scale for float16. */
export const lossScaleSection = z.strictObject({
  initial: z.number().positive().default(65536).describe("Scale at the first step."),
  growthInterval: z.int().min(1).max(most.steps).default(2000).describe(
    "Consecutive good steps after which the scale doubles; a bad one halves it.",
  ),
}).describe("The dynamic loss scale, if the backend's reduced precision needs one.");

/** AdamW as a config has it. */
export type OptimizerConfig = z.output<typeof optimizerSection>;
/** The length of a run and its learning rate, resolved. */
export type ScheduleConfig = z.output<typeof scheduleSection>;
