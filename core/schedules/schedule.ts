/**
 * What a learning-rate schedule is. Each is a file of this folder; those that a config can name are in
 * `mod.ts`.
 *
 * @module
 */

/**
 * The learning rate of an optimizer step.
 *
 * @param step from 0
 * @param scale factor of a parameter's group: layer decay, or a multiplier of the user's; default 1
 */
export type LearningRateSchedule = (step: number, scale?: number) => number;

/** What a schedule with a linear warm-up follows from; rates are absolute. */
export interface WarmupOptions {
  readonly base: number;
  readonly minimum: number;
  readonly warmupSteps: number;
  /** All steps, those of the warm-up included. */
  readonly totalSteps: number;
  /** Learning rate of the first step, in units of `base`. */
  readonly warmupFactor: number;
}
