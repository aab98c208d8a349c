import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import type { Draws } from "../../../core/generator.ts";
import { type BlockMaskOptions, blockwiseMask } from "../../../data/augment/mask.ts";
import { readJson } from "../_fixtures.ts";
import { NumpyRandom, PythonRandom } from "../_python_random.ts";

type Variant = "unilm" | "mmselfsup";
const { configs } = readJson("mask_generator");

// deno-lint-ignore no-explicit-any
function optionsOf(config: any, variant: Variant): BlockMaskOptions {
  return {
    height: config.input_size[0],
    width: config.input_size[1],
    count: config.num,
    minBlock: config.minp,
    maxBlock: config.maxp,
    minAspect: config.min_aspect,
    maxAspect: config.max_aspect,
    variant,
  };
}

function rowsOf(mask: Uint8Array, width: number): string[] {
  return Array.from(
    { length: mask.length / width },
    (_, y) => mask.subarray(y * width, (y + 1) * width).join(""),
  );
}

/** Gives recorded draws back and insists that they are asked for as recorded. */
class Replay implements Draws {
  #next = 0;
  constructor(private readonly draws: [string, number, number, number][]) {}
  #take(kind: string, low: number, high: number): number {
    const [wantedKind, wantedLow, wantedHigh, value] = this.draws[this.#next++];
    assert.equal(kind, wantedKind);
    assert.ok(Math.abs(low - wantedLow) < 1e-12 && Math.abs(high - wantedHigh) < 1e-12);
    return value;
  }
  uniform(low: number, high: number) {
    return this.#take("uniform", low, high);
  }
  integer(low: number, high: number) {
    return this.#take("randint", low, high);
  }
  get isDone() {
    return this.#next === this.draws.length;
  }
}

Deno.test("blockwiseMask() replays mmselfsup's recorded draws exactly", () => {
  for (const { config, replay_traces_mmselfsup } of configs) {
    for (const { draws, mask } of replay_traces_mmselfsup) {
      const replay = new Replay(draws);
      const result = blockwiseMask(replay, optionsOf(config, "mmselfsup"));
      assert.deepEqual(rowsOf(result, config.input_size[1]), mask);
      assert.ok(replay.isDone);
    }
  }
});

for (const variant of ["unilm", "mmselfsup"] as const) {
  Deno.test(`blockwiseMask() equals ${variant}'s masks for Python seeds`, () => {
    for (const { config, exact_python_random } of configs) {
      for (const { seed, mask } of exact_python_random[variant]) {
        const numpy = new NumpyRandom(seed);
        const result = blockwiseMask(new PythonRandom(seed), {
          ...optionsOf(config, variant),
          choose: (candidates, count) => numpy.choice(candidates, count),
        });
        assert.deepEqual(rowsOf(result, config.input_size[1]), mask, `seed ${seed}`);
      }
    }
  });

  Deno.test(`blockwiseMask() has the statistics of ${variant}'s masks`, () => {
    for (const { config, stats_10k } of configs) {
      const wanted = stats_10k[variant];
      const [height, width] = config.input_size;
      const total = 4000;
      const sums = new Float64Array(height * width);
      let filled = 0, alike = 0;
      for (let i = 0; i < total; i++) {
        const generator = Generator.from(11).split("mask", i);
        const mask = blockwiseMask(generator, {
          ...optionsOf(config, variant),
          choose: (candidates, count) => {
            filled++;
            return generator.split("fill").permutation(candidates).subarray(0, count);
          },
        });
        let count = 0;
        mask.forEach((bit, patch) => {
          sums[patch] += bit;
          count += bit;
          if ((patch + 1) % width !== 0 && bit === mask[patch + 1]) alike++;
        });
        assert.equal(count, config.num);
      }
      const error = (p: number) => 4.5 * Math.sqrt(p * (1 - p) * (1 / total + 1 / 10000)) + 1e-4;
      wanted.mean_map.flat().forEach((p: number, patch: number) => {
        assert.ok(Math.abs(sums[patch] / total - p) < error(p), `patch ${patch} ${variant}`);
      });
      const fill = wanted.random_fill_fraction;
      assert.ok(Math.abs(filled / total - fill) <= error(fill), `${filled / total} ${fill}`);
      const share = alike / (total * height * (width - 1));
      assert.ok(Math.abs(share - wanted.adj_same.horizontal) < 0.004, `${share}`);
    }
  });
}

Deno.test("blockwiseMask() reaches the count where no block can fit", () => {
  for (const variant of ["unilm", "mmselfsup"] as const) {
    for (const [height, width, count] of [[1, 1, 1], [2, 2, 4], [2, 3, 1], [3, 3, 9], [4, 4, 0]]) {
      const options = { height, width, count, minBlock: 16, variant };
      const mask = blockwiseMask(Generator.from(height * 10 + count), options);
      assert.equal(mask.reduce((sum, bit) => sum + bit, 0), count);
    }
  }
});

Deno.test("blockwiseMask() refuses a count that the grid does not hold", () => {
  const options = { height: 2, width: 2, count: 5 };
  assert.throws(
    () => blockwiseMask(Generator.from(1), options),
    /Cannot mask 5 patches: expected a whole number from 0 to 4 for a grid of 2 × 2/,
  );
});
