/** The largest divisor of `of` that is no larger than `most`, which is at least 1. */
export function largestDivisor(of: number, most: number): number {
  let divisor = Math.min(of, most);
  while (of % divisor !== 0) divisor--;
  return divisor;
}
