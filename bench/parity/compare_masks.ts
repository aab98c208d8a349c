import { type Draws, Generator } from "../../core/generator.ts";
import { type BlockMaskOptions, blockwiseMask } from "../../data/augment/mask.ts";
import type { Comparison } from "./comparison.ts";

interface MaskStatistics {
  readonly n: number;
  /** Share of masks in which each patch is masked, [height][width]. */
  readonly mean_map: readonly (readonly number[])[];
  readonly random_fill_fraction: number;
}

interface MaskFixture {
  readonly configs: readonly {
    readonly config: {
      readonly input_size: readonly [number, number];
      readonly num: number;
      readonly minp: number;
      readonly maxp: number;
      readonly min_aspect: number;
      readonly max_aspect: number;
    };
    readonly replay_traces_mmselfsup: readonly {
      readonly draws: readonly (readonly [string, number, number, number])[];
      readonly mask: readonly string[];
    }[];
    readonly stats_10k: Readonly<Record<"unilm" | "mmselfsup", MaskStatistics>>;
  }[];
}

type MaskSettings = MaskFixture["configs"][number]["config"];

/** Masks drawn for the statistics. */
const drawnMasks = 4000;

function optionsOf(config: MaskSettings, variant: "unilm" | "mmselfsup"): BlockMaskOptions {
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

/** Replays recorded draws; one that was not recorded is an error. */
function replay(draws: readonly (readonly [string, number, number, number])[]): Draws {
  let next = 0;
  const take = (kind: string, low: number, high: number) => {
    const recorded = draws[next++];
    const isSame = recorded !== undefined && recorded[0] === kind &&
      Math.abs(recorded[1] - low) < 1e-12 && Math.abs(recorded[2] - high) < 1e-12;
    if (!isSame) throw new Error(`draw ${next} of a mask is ${kind}(${low}, ${high})`);
    return recorded[3];
  };
  return {
    uniform: (low, high) => take("uniform", low, high),
    integer: (low, high) => take("randint", low, high),
  };
}

/** How far shares measured in `drawnMasks` masks are from shares measured in `n`, in standard errors. */
function standardErrors(found: readonly number[], golden: readonly number[], n: number): number[] {
  return golden.map((share, index) => {
    const error = Math.sqrt(share * (1 - share) * (1 / drawnMasks + 1 / n));
    const difference = found[index] - share;
    return difference === 0 ? 0 : difference / Math.max(error, 1 / n);
  });
}

function compareStatistics(
  comparison: Comparison,
  label: string,
  options: BlockMaskOptions,
  golden: MaskStatistics,
): void {
  const masked = new Array<number>(options.height * options.width).fill(0);
  const wrongCounts = { masks: 0 };
  let filled = 0;
  for (let index = 0; index < drawnMasks; index++) {
    const generator = Generator.from(11).split("mask", index);
    const mask = blockwiseMask(generator, {
      ...options,
      choose: (candidates, count) => {
        filled++;
        return generator.split("fill").permutation(candidates).subarray(0, count);
      },
    });
    let count = 0;
    for (const [patch, bit] of mask.entries()) {
      masked[patch] += bit / drawnMasks;
      count += bit;
    }
    if (count !== options.count) wrongCounts.masks++;
  }
  const map = golden.mean_map.flat();
  const errors = (found: number[], expected: number[]) => standardErrors(found, expected, golden.n);
  const zeros = map.map(() => 0);
  comparison.checkNumber(`${label} masks of another size`, wrongCounts.masks, 0, "exact");
  comparison.check(`${label} masked share by patch`, errors(masked, map), zeros, "standardErrors");
  const fill = errors([filled / drawnMasks], [golden.random_fill_fraction]);
  comparison.check(`${label} share with random patches`, fill, [0], "standardErrors");
}

/** `mask_generator*`: masks for recorded draws, and the statistics of our own. */
export function compareMasks(comparison: Comparison, json: unknown): void {
  for (const { config, replay_traces_mmselfsup, stats_10k } of (json as MaskFixture).configs) {
    const size = config.input_size.join("x");
    for (const [index, { draws, mask }] of replay_traces_mmselfsup.entries()) {
      const found = blockwiseMask(replay(draws), optionsOf(config, "mmselfsup"));
      const golden = mask.join("").split("").map(Number);
      comparison.check(`${size} replayed mask ${index}`, found, golden, "exact");
    }
    for (const variant of ["unilm", "mmselfsup"] as const) {
      const label = `${size} ${variant}`;
      compareStatistics(comparison, label, optionsOf(config, variant), stats_10k[variant]);
    }
  }
}
