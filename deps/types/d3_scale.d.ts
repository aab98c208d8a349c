/** The parts of d3-scale in use. */

/** Maps numbers in a domain to positions in a range. */
export interface ContinuousScale {
  (value: number): number;
  /** About `count` round values of the domain. */
  ticks(count?: number): number[];
  /** Widens the domain to round values. */
  nice(count?: number): this;
}

export function scaleLinear(
  domain: readonly [number, number],
  range: readonly [number, number],
): ContinuousScale;

/** Both ends of the domain must be above zero. */
export function scaleLog(
  domain: readonly [number, number],
  range: readonly [number, number],
): ContinuousScale;
