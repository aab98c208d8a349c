/** Each operation that kernels are written in, on each target, against plain JavaScript. */

import assert from "node:assert/strict";
import {
  bits,
  fromIndex,
  type Index,
  laneNumbers,
  type Vector,
} from "../../../../backends/cpu/code/expression.ts";
import {
  describeKernel,
  equal,
  greater,
  type KernelBuilder,
  less,
  notLess,
} from "../../../../backends/cpu/code/kernel_builder.ts";
import type { KernelDescription } from "../../../../backends/cpu/code/kernel_builder.ts";
import { systemV } from "../../../../backends/cpu/providers/native/calling_convention.ts";
import { encodeX64 } from "../../../../backends/cpu/providers/native/encode_kernel.ts";
import { dataStart, targets } from "./_targets.ts";

const special = [0, -0, 1, -1, 0.5, 1.5, 2.5, -2.5, 3e38, -3e38, 1e-30, NaN, Infinity, -Infinity];
const count = 16;

function inputs(seed: number): Float32Array {
  return Float32Array.from(
    { length: count },
    (_, index) => special[(index * (2 * seed + 1) + seed) % special.length],
  );
}

/** Stores what `formula` makes of two vectors and a third, over whole vectors. */
function elementwise(
  formula: (a: Vector, b: Vector, c: Vector) => Vector,
): KernelDescription {
  return {
    name: "elementwise",
    build: (k) => {
      const [a, b, c, y] = k.indices("a", "b", "c", "y");
      for (let offset = 0; offset < count * 4; offset += k.vectorBytes) {
        k.store(y, formula(k.load(a, offset), k.load(b, offset), k.load(c, offset)), offset);
      }
    },
  };
}

function asBits(value: number): number {
  return new Int32Array(Float32Array.of(value).buffer)[0];
}

function fromBits(value: number): number {
  return new Float32Array(Int32Array.of(value).buffer)[0];
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest === 0.5) return floor % 2 === 0 ? floor : floor + 1;
  return rest < 0.5 ? floor : floor + 1;
}

const mask = (is: boolean) => fromBits(is ? -1 : 0);
type Plain = (a: number, b: number, c: number) => number;

/** Formula, and what each lane must be; NaN payloads aside. */
const operations: [string, (a: Vector, b: Vector, c: Vector) => Vector, Plain][] = [
  ["plus", (a, b) => a.plus(b), (a, b) => a + b],
  ["minus", (a, b) => a.minus(b), (a, b) => a - b],
  ["times", (a, b) => a.times(b), (a, b) => a * b],
  ["dividedBy", (a, b) => a.dividedBy(b), (a, b) => a / b],
  ["plus constant", (a) => a.plus(2.5), (a) => a + 2.5],
  ["times constant first", (a, b) => b.times(a).minus(1), (a, b) => Math.fround(a * b) - 1],
  ["atMost", (a, b) => a.atMost(b), (a, b) => b < a ? b : a],
  ["atLeast", (a, b) => a.atLeast(b), (a, b) => a < b ? b : a],
  ["and", (a, b) => a.and(b), (a, b) => fromBits(asBits(a) & asBits(b))],
  ["or", (a, b) => a.or(b), (a, b) => fromBits(asBits(a) | asBits(b))],
  ["xor", (a, b) => a.xor(b), (a, b) => fromBits(asBits(a) ^ asBits(b))],
  ["absolute", (a) => a.absolute(), Math.abs],
  ["isLess", (a, b) => a.isLess(b), (a, b) => mask(a < b)],
  ["isEqual", (a, b) => a.isEqual(b), (a, b) => mask(a === b)],
  ["select", (a, b, c) => a.isLess(b).select(c, a), (a, b, c) => a < b ? c : a],
  ["select constant", (a, b) => a.isLess(b).select(7, 9), (a, b) => a < b ? 7 : 9],
  ["round", (a) => a.round(), roundHalfEven],
  ["squareRoot", (a) => a.squareRoot(), Math.sqrt],
  [
    "roundToInteger and shift",
    (a) => a.atMost(100).atLeast(-100).roundToInteger().integerAdd(bits(3)).integerShiftLeft(4),
    (a) => fromBits((roundHalfEven(Math.max(-100, Math.min(100, a))) + 3) << 4),
  ],
  ["sumLanes of ones", (a) => a.isEqual(a).select(1, 1).sumLanes(), () => NaN],
];

function same(actual: number, expected: number): boolean {
  return Object.is(actual, expected) || (Number.isNaN(actual) && Number.isNaN(expected)) ||
    asBits(actual) === asBits(expected);
}

for (const target of targets) {
  Deno.test(`operations on ${target.name}`, async (t) => {
    for (const [name, formula, plain] of operations) {
      await t.step(name, () => {
        const [a, b, c] = [inputs(0), inputs(1), inputs(2)];
        const memory = new Float32Array(4 * count);
        [a, b, c].forEach((values, index) => memory.set(values, index * count));
        const places = [0, 1, 2, 3].map((index) => dataStart + index * count * 4);
        target.run(elementwise(formula), memory, places);
        for (let lane = 0; lane < count; lane++) {
          // NaN has no whole number; the conversion is used on limited values only.
          if (name.startsWith("roundToInteger") && Number.isNaN(a[lane])) continue;
          const expected = name.startsWith("sumLanes")
            ? target.lanes
            : Math.fround(plain(a[lane], b[lane], c[lane]));
          const actual = memory[3 * count + lane];
          assert.ok(same(actual, expected), `lane ${lane}: expected ${expected}, found ${actual}`);
        }
      });
    }
  });

  Deno.test(`products, reductions and constants on ${target.name}`, () => {
    const description: KernelDescription = {
      name: "mixed",
      build: (k) => {
        const [x, y] = k.indices("x", "y");
        const [scale] = k.scalars("scale");
        const value = k.let(k.load(x));
        const store = (place: number, result: Vector) => k.storeFirst(y, result, place * 4);
        store(0, value.multiplyAdd(scale, 3));
        store(1, value.multiplySubtractFrom(scale, 3));
        store(2, value.sumLanes());
        store(3, value.maximumLanes());
        store(4, k.loadSplat(x, 8));
        store(5, laneNumbers().sumLanes());
        store(6, fromIndex(k.letIndex(41).plus(1)));
        const sum = k.let(1);
        sum.set(sum.multiplyAdd(sum, sum));
        sum.set(value.multiplyAdd(sum, value));
        store(7, sum);
      },
    };
    const memory = new Float32Array(2 * count);
    memory.set([2, -3, 5, 7, 11, -13, 17, 19]);
    target.run(description, memory, [dataStart, dataStart + count * 4, 1.5]);
    const { lanes } = target;
    const [sum, maximum] = lanes === 4 ? [11, 7] : [45, 19];
    assert.deepEqual(
      [...memory.subarray(count, count + 8)],
      [6, 0, sum, maximum, 5, lanes * (lanes - 1) / 2, 42, 6],
    );
  });

  Deno.test(`loops, branches and indices on ${target.name}`, () => {
    const description: KernelDescription = {
      name: "control",
      build: (k) => {
        const [source, target, size] = k.indices("source", "target", "size");
        // Sums 1…size three ways, one float each, and tells relations apart.
        const total = k.letIndex(0);
        const turn = k.letIndex(0);
        k.repeat(size, () => {
          turn.advance(1);
          total.advance(turn);
        });
        writeNumber(k, target, 0, total);
        writeNumber(k, target, 1, size.times(size.plus(1)));
        writeNumber(k, target, 2, size.times(12).minus(size.shiftedLeft(2)).minus(7));
        writeNumber(k, target, 3, source.loadInt32(4).plus(1));
        const flags = k.letIndex(0);
        const set = (bit: number) => () => flags.advance(1 << bit);
        k.if(less(size, 5), set(0), set(1));
        k.if(greater(size, 4), set(2), set(3));
        k.if(equal(size, 5), set(4), set(5));
        k.if(notLess(size, 5), set(6), set(7));
        writeNumber(k, target, 4, flags);
      },
    };
    for (const size of [0, 1, 4, 5, 6]) {
      const memory = new Float32Array(32);
      const integers = new Int32Array(memory.buffer);
      integers[1] = -42;
      target.run(description, memory, [dataStart, dataStart + 64, size]);
      const flags = (size < 5 ? 1 : 2) + (size > 4 ? 4 : 8) + (size === 5 ? 16 : 32) +
        (size >= 5 ? 64 : 128);
      assert.deepEqual([...memory.subarray(16, 19)], [
        size * (size + 1) / 2,
        size * (size + 1),
        8 * size - 7,
      ]);
      assert.equal(memory[19], -41);
      assert.equal(memory[20], flags);
    }
  });

  Deno.test(`more indices than registers on ${target.name}`, () => {
    const number = 40;
    const description: KernelDescription = {
      name: "crowded",
      build: (k) => {
        const [x, y, size] = k.indices("x", "y", "size");
        const value = k.let(k.load(x));
        const places = Array.from({ length: number }, (_, index) => k.letIndex(y.plus(4 * index)));
        const counts = places.map((_, index) => k.letIndex(size.times(index)));
        k.repeat(2, () => {
          counts.forEach((count, index) => {
            const previous = counts[(index + number - 1) % number];
            k.if(
              less(previous, 30),
              () => count.set(previous.plus(count).times(3).minus(previous)),
            );
          });
        });
        places.forEach((place, index) => {
          k.storeFirst(place, value.plus(fromIndex(counts[index])));
        });
      },
    };
    const expected = Array.from({ length: number }, (_, index) => 2 * index);
    for (let turn = 0; turn < 2; turn++) {
      for (let index = 0; index < number; index++) {
        const previous = expected[(index + number - 1) % number];
        if (previous < 30) expected[index] = (previous + expected[index]) * 3 - previous;
      }
    }
    const memory = new Float32Array(64).fill(3);
    target.run(description, memory, [dataStart, dataStart + 64, 2]);
    assert.deepEqual([...memory.subarray(16, 16 + number)], expected.map((value) => 3 + value));
  });

  Deno.test(`forElements visits each element once on ${target.name}`, () => {
    const description: KernelDescription = {
      name: "doubled",
      build: (k) => {
        const [x, y, size, sum] = k.indices("x", "y", "size", "sum");
        const sums = [k.let(0), k.let(0)];
        k.forElements(size, [x, y], (lanes) => {
          const value = k.let(lanes.load(x));
          lanes.accumulate(sums[lanes.copy], value);
          lanes.store(y, value.times(2));
        }, 2);
        k.storeFirst(sum, sums[0].plus(sums[1]).sumLanes());
      },
    };
    for (let size = 0; size <= 35; size++) {
      const memory = new Float32Array(128);
      for (let index = 0; index < 40; index++) memory[index] = index + 1;
      const values = [dataStart, dataStart + 160, size, dataStart + 400];
      target.run(description, memory, values);
      for (let index = 0; index < 40; index++) {
        assert.equal(memory[40 + index], index < size ? 2 * (index + 1) : 0, `size ${size}`);
      }
      assert.equal(memory[100], size * (size + 1) / 2);
    }
  });
}

function writeNumber(k: KernelBuilder, target: Index, place: number, value: Index): void {
  k.storeFirst(target, fromIndex(value), place * 4);
}

Deno.test("encodeX64() refuses a kernel that needs more vectors than there are registers", () => {
  const description: KernelDescription = {
    name: "crowded",
    build: (k) => {
      const [x] = k.indices("x");
      const values = Array.from({ length: 33 }, (_, index) => k.let(k.load(x, 64 * index)));
      for (const value of values) k.store(x, value);
    },
  };
  for (const lanes of [8, 16] as const) {
    const code = describeKernel(description, lanes);
    assert.throws(
      () => encodeX64(code, lanes, systemV),
      /Cannot encode .*"crowded".* more than \d+ vectors/,
    );
  }
});
