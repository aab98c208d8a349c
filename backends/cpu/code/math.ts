/**
 * Formulas over vectors: exp, tanh and the normal distribution's Φ as polynomials.
 *
 * exp: reduction by ln 2 in two parts and a polynomial of degree 5 (Cephes' `expf`), 1e-7 relative.
 * Φ: Abramowitz and Stegun 7.1.26, 2e-7 absolute. tanh: Cephes' `tanhf`. NaN comes through.
 *
 * @module
 */

import { bits, type Vector } from "./expression.ts";
import type { KernelBuilder } from "./kernel_builder.ts";

/** Norms are clamped to at least this before division. */
export const smallestNorm = 1e-12;

const exponentBias = 127;
const mantissaBits = 23;

function polynomial(x: Vector, coefficients: readonly number[], k: KernelBuilder): Vector {
  const [first, ...others] = coefficients;
  const sum = k.let(first);
  for (const coefficient of others) sum.set(sum.multiplyAdd(x, coefficient));
  return sum;
}

export function square(value: Vector): Vector {
  return value.times(value);
}

/** eˣ; 0 below −87.3, infinite from 88.4. */
export function exponential(k: KernelBuilder, x: Vector): Vector {
  const smallest = -87.3;
  const value = k.let(x);
  const limited = k.let(value.atMost(89).atLeast(smallest));
  const power = k.let(limited.times(Math.LOG2E).round());
  // ln 2 = 0.693359375 − 2.12194440e-4; the first part has few bits, so its multiples are exact.
  const high = k.let(power.multiplySubtractFrom(0.693359375, limited));
  const rest = k.let(power.multiplyAdd(2.12194440e-4, high));
  const series = polynomial(rest, [
    1.9875691500e-4,
    1.3981999507e-3,
    8.3334519073e-3,
    4.1665795894e-2,
    1.6666665459e-1,
    5.0000001201e-1,
  ], k);
  const mantissa = series.multiplyAdd(rest.times(rest), rest.plus(1));
  const scale = power.roundToInteger().integerAdd(bits(exponentBias)).integerShiftLeft(
    mantissaBits,
  );
  const isTiny = value.isLess(smallest);
  return k.let(isTiny.select(0, mantissa.times(scale)));
}

/** Φ(x), the share of a normal distribution below x, and e^(−x²/2). */
export function normalDistribution(
  k: KernelBuilder,
  x: Vector,
): { below: Vector; bell: Vector } {
  const value = k.let(x);
  const sign = k.let(value.and(bits(-0x80000000)));
  const size = k.let(value.xor(sign));
  const t = k.let(
    k.let(1).dividedBy(size.multiplyAdd(0.3275911 * Math.SQRT1_2, 1)),
  );
  const bell = exponential(k, value.times(-0.5).times(value));
  const series = polynomial(t, [
    1.061405429,
    -1.453152027,
    1.421413741,
    -0.284496736,
    0.254829592,
  ], k);
  const errorFunction = k.let(series.times(t).multiplySubtractFrom(bell, 1).or(sign));
  return { below: k.let(errorFunction.multiplyAdd(0.5, 0.5)), bell };
}

/** tanh(x). */
export function hyperbolicTangent(k: KernelBuilder, x: Vector): Vector {
  const value = k.let(x);
  const sign = k.let(value.and(bits(-0x80000000)));
  const size = k.let(value.xor(sign));
  const grown = exponential(k, size.times(2));
  const far = k.let(k.let(2).dividedBy(grown.plus(1)).multiplySubtractFrom(1, 1).or(sign));
  const square = k.let(value.times(value));
  const series = polynomial(square, [
    -5.70498872745e-3,
    2.06390887954e-2,
    -5.37397155531e-2,
    1.33314422036e-1,
    -3.33332819422e-1,
  ], k);
  const near = series.times(square).multiplyAdd(value, value);
  return k.let(size.isLess(0.625).select(near, far));
}
