/** GELU (exact), quick GELU and tanh on contiguous elements, forward and backward. @module */

import { bits, type Vector } from "../../code/expression.ts";
import { greater, type KernelBuilder, type KernelDescription } from "../../code/kernel_builder.ts";
import { exponential, hyperbolicTangent, normalDistribution } from "../../code/math.ts";

const quickGeluScale = 1.702;
const inverseRootOfTwoPi = 0.3989422804014327;

function gelu(k: KernelBuilder, x: Vector): Vector {
  return x.times(normalDistribution(k, x).below);
}

function geluSlope(k: KernelBuilder, x: Vector): Vector {
  const { below, bell } = normalDistribution(k, x);
  return x.times(inverseRootOfTwoPi).multiplyAdd(bell, below);
}

function quickGelu(k: KernelBuilder, x: Vector): Vector {
  return x.dividedBy(exponential(k, x.times(-quickGeluScale)).plus(1));
}

function quickGeluSlope(k: KernelBuilder, x: Vector): Vector {
  const sigmoid = k.let(k.let(1).dividedBy(exponential(k, x.times(-quickGeluScale)).plus(1)));
  // σ + 1.702·x·σ·(1 − σ)
  const rest = k.let(1).minus(sigmoid).times(x.times(quickGeluScale));
  return sigmoid.multiplyAdd(rest, sigmoid);
}

function tanhSlope(k: KernelBuilder, x: Vector): Vector {
  const y = k.let(hyperbolicTangent(k, x));
  return y.multiplySubtractFrom(y, 1);
}

type Formula = (k: KernelBuilder, x: Vector) => Vector;

/** In the order of `activationKernelNames`, which starts with none. */
export const activationFormulas: readonly Formula[] = [gelu, quickGelu, hyperbolicTangent];

/** y = f(x). */
function forward(name: string, formula: Formula): KernelDescription {
  return {
    name,
    build: (k) => {
      const [x, y, count] = k.indices("x", "y", "count");
      k.forElements(count, [x, y], (lanes) => {
        lanes.store(y, formula(k, k.let(lanes.load(x))));
      });
    },
  };
}

/** dx = dy·f′(x). */
function backward(name: string, slope: Formula): KernelDescription {
  return {
    name,
    build: (k) => {
      const [dy, x, dx, count] = k.indices("dy", "x", "dx", "count");
      k.forElements(count, [dy, x, dx], (lanes) => {
        lanes.store(dx, slope(k, k.let(lanes.load(x))).times(lanes.load(dy)));
      });
    },
  };
}

/** y = x as bfloat16, half as many bytes; `count` is a multiple of 32, and `y` may not be `x`. */
function buildNarrow(k: KernelBuilder): void {
  const [x, y, count] = k.indices("x", "y", "count");
  const more = greater(count, 0);
  k.if(more, () =>
    k.doWhile(() => {
      k.store(y, k.load(x).toBfloat16(k.load(x, k.vectorBytes)));
      x.advance(2 * k.vectorBytes);
      y.advance(k.vectorBytes);
      count.set(count.minus(2 * k.lanes));
    }, more));
}

/** y = x, which is bfloat16; `count` is a multiple of 32. */
function buildWiden(k: KernelBuilder): void {
  const [x, y, count] = k.indices("x", "y", "count");
  const more = greater(count, 0);
  k.if(more, () =>
    k.doWhile(() => {
      const both = k.let(k.load(x));
      const even = k.let(both.integerShiftLeft(16));
      const odd = k.let(both.and(bits(-0x10000)));
      // Of each four lanes the first two, and then the other two, become four neighbours.
      const halves = [
        k.let(even.shuffle(odd, [0, 4, 1, 5])),
        k.let(even.shuffle(odd, [2, 6, 3, 7])),
      ];
      for (let group = 0; group < k.lanes / 4; group++) {
        halves.forEach((half, part) => k.storeGroup(y, half, group, (2 * group + part) * 16));
      }
      x.advance(k.vectorBytes);
      y.advance(2 * k.vectorBytes);
      count.set(count.minus(2 * k.lanes));
    }, more));
}

/** For processors with AVX512-BF16. */
export const bfloat16Descriptions: readonly KernelDescription[] = [
  { name: "narrow", build: buildNarrow },
  { name: "widen", build: buildWiden },
];

export const descriptions: readonly KernelDescription[] = [
  forward("gelu", gelu),
  forward("quickGelu", quickGelu),
  forward("tanh", hyperbolicTangent),
  backward("geluBackward", geluSlope),
  backward("quickGeluBackward", quickGeluSlope),
  backward("tanhBackward", tanhSlope),
];
