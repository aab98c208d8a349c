/** What of d3-scale is used. */

/** Maps numbers of a domain to places of a range. */
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
