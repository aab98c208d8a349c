/**
 * What a learning-rate schedule is. Each is a file in this folder; those that a config can name are in
 * `mod.ts`.
 *
 * @module
 */

/**
 * The learning rate of an optimizer step.
 *
 * @param step from 0
 * @param scale factor of a parameter's group: layer decay, or a multiplier set by the user;
 * default: 1
 */
export type LearningRateSchedule = (step: number, scale?: number) => number;

/** What determines a schedule with a linear warm-up; rates are absolute. */
export interface WarmupOptions {
  /** The rate after the warm-up. */
  readonly base: number;
  /** The rate at the end. */
  readonly minimum: number;
  /** Steps until the base rate is reached. */
  readonly warmupSteps: number;
  /** All steps, including the warm-up. */
  readonly totalSteps: number;
  /** Learning rate of the first step, as a fraction of `base`. */
  readonly warmupFactor: number;
}
