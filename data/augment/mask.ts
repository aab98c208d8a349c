/**
 * Block-wise masks (BEiT, Bao et al. 2022, algorithm 1), after unilm's `masking_generator.py` and
 * mmselfsup's `BEiTMaskGenerator`.
 *
 * @module
 */
import { UserError } from "../../core/errors.ts";
import type { Draws, Generator } from "../../core/generator.ts";
import { roundHalfEven } from "../images/image.ts";

/** What masks look like. */
export interface BlockMaskOptions {
  /** Patches per column of the grid. */
  readonly height: number;
  /** Patches per row of the grid. */
  readonly width: number;
  /** Exact number of patches to mask (75 of 14 × 14 in the recipes). */
  readonly count: number;
  /** Smallest target area of a block; default: 16. */
  readonly minBlock?: number;
  /** Largest area of a block; default: `count`. */
  readonly maxBlock?: number;
  /** Smallest height ÷ width of a block; default: 0.3. */
  readonly minAspect?: number;
  /** Largest height ÷ width of a block; default: 1 ÷ `minAspect`. */
  readonly maxAspect?: number;
  /**
   * What happens if no block fits in ten tries: `unilm` (the default) masks single patches at random until the
   * count is reached, `mmselfsup` keeps trying.
   */
  readonly variant?: "unilm" | "mmselfsup";
  /** How unilm's single patches are chosen: `count` different numbers below `candidates`. */
  readonly choose?: (candidates: number, count: number) => ArrayLike<number>;
}

/** Rounds of ten failed tries after which the mmselfsup variant also fills at random. */
const patience = 1000;

/** The options with every default filled in and the logarithms taken. */
interface Plan {
  readonly height: number;
  readonly width: number;
  readonly count: number;
  readonly minBlock: number;
  readonly maxBlock: number;
  readonly logAspects: readonly [number, number];
}

function planOf(options: BlockMaskOptions): Plan {
  const { height, width, count, minBlock = 16, minAspect = 0.3 } = options;
  const { maxBlock = count, maxAspect = 1 / minAspect } = options;
  if (!Number.isInteger(count) || count < 0 || count > height * width) {
    throw new UserError(
      `Cannot mask ${count} patches: expected a whole number from 0 to ${height * width} ` +
        `for a grid of ${height} × ${width}`,
    );
  }
  const logAspects = [Math.log(minAspect), Math.log(maxAspect)] as const;
  return { height, width, count, minBlock, maxBlock, logAspects };
}

/** Tries ten times to mask one block of at most `budget` new patches; returns how many it masked. */
function maskBlock(draws: Draws, mask: Uint8Array, plan: Plan, budget: number): number {
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = draws.uniform(plan.minBlock, budget);
    const aspect = Math.exp(draws.uniform(plan.logAspects[0], plan.logAspects[1]));
    const height = roundHalfEven(Math.sqrt(area * aspect));
    const width = roundHalfEven(Math.sqrt(area / aspect));
    if (width >= plan.width || height >= plan.height) continue;
    const top = draws.integer(0, plan.height - height);
    const left = draws.integer(0, plan.width - width);
    let fresh = 0;
    for (let y = top; y < top + height; y++) {
      for (let x = left; x < left + width; x++) fresh += 1 - mask[y * plan.width + x];
    }
    if (fresh === 0 || fresh > budget) continue;
    for (let y = top; y < top + height; y++) {
      mask.fill(1, y * plan.width + left, y * plan.width + left + width);
    }
    return fresh;
  }
  return 0;
}

/** `count` different numbers below `candidates`: the head of a Fisher-Yates shuffle. */
function chooseAtRandom(draws: Draws, candidates: number, count: number): Uint32Array {
  const order = Uint32Array.from({ length: candidates }, (_, i) => i);
  for (let i = 0; i < count; i++) {
    const j = draws.integer(i, candidates - 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.subarray(0, count);
}

/**
 * Draws one mask, row-major [height · width]: 1 where a patch is masked, exactly `count` of them.
 *
 * @throws UserError if `count` does not fit the grid
 *
 * @example
 * ```ts
 * import { Generator } from "../../core/generator.ts";
 * import { blockwiseMask } from "./mask.ts";
 * const mask = blockwiseMask(Generator.from(5), { height: 14, width: 14, count: 75 });
 * if (mask.reduce((sum, bit) => sum + bit) !== 75) throw new Error();
 * ```
 */
export function blockwiseMask(draws: Draws, options: BlockMaskOptions): Uint8Array {
  const plan = planOf(options);
  const { variant = "unilm", choose } = options;
  const mask = new Uint8Array(plan.height * plan.width);
  let masked = 0;
  let failures = 0;
  while (masked < plan.count) {
    const fresh = maskBlock(draws, mask, plan, Math.min(plan.count - masked, plan.maxBlock));
    masked += fresh;
    failures = fresh > 0 ? 0 : failures + 1;
    if (failures > 0 && (variant === "unilm" || failures > patience)) break;
  }
  if (masked < plan.count) {
    const free: number[] = [];
    mask.forEach((bit, patch) => bit === 0 && free.push(patch));
    const missing = plan.count - masked;
    const chosen = choose?.(free.length, missing) ?? chooseAtRandom(draws, free.length, missing);
    for (let i = 0; i < missing; i++) mask[free[chosen[i]]] = 1;
  }
  return mask;
}

/** The mask of a sample in an epoch, drawn from the generator of the run. */
export function sampleMask(
  run: Generator,
  epoch: number,
  index: number,
  options: BlockMaskOptions,
): Uint8Array {
  return blockwiseMask(run.split("mask", epoch, index), options);
}
