/**
 * How attention divides its work where a GPU's matrix units compute its products; see
 * `attention_matrices.wgsl`. Threads divide pairs and outputs as they do without matrix units.
 *
 * @module
 */

import type { AdapterSummary, MatrixConfig } from "../../adapter.ts";
import {
  type AttentionTiling,
  forwardConstants,
  keysConstants,
  pairs,
  queriesConstants,
  statisticsBytes,
  type TileConstants,
} from "./attention_tilings.ts";

/** The widest heads; whole heads lie in workgroup memory. */
const WIDEST = 128;

/** A tile of tokens for each workgroup, which walks over the others a tile at a time: [threads, quads of each]. */
function tiling(own: [number, number], walked: [number, number]): AttentionTiling {
  return {
    forward: pairs(own, walked, WIDEST),
    keys: pairs(walked, own, WIDEST),
    queries: {
      threads: own[0] * walked[0],
      queryQuads: own[0] * own[1],
      keys: walked[0] * walked[1] * 4,
    },
    channelThreads: 16,
  };
}

/** Ways to divide the work, named after the tokens that a workgroup owns and those it walks over. */
export const ATTENTION_UNITS = {
  units32x32: tiling([8, 1], [8, 1]),
  units32x64: tiling([8, 1], [16, 1]),
  units64x64: tiling([16, 1], [8, 2]),
} satisfies Record<string, AttentionTiling>;

/** Name of a way. */
export type AttentionUnitsName = keyof typeof ATTENTION_UNITS;

/** The matrix units of a device, as attention uses them. */
export interface UnitTilings {
  readonly config: MatrixConfig;
  /** Threads of a subgroup. */
  readonly lanes: number;
  /** Bytes of workgroup memory. */
  readonly memory: number;
  /** The tilings that compute correctly, the fastest first. */
  readonly names: readonly AttentionUnitsName[];
}

/** Matrix units for float16 attention forward and backward; null: by threads. */
export interface AttentionUnits {
  readonly forward: UnitTilings | null;
  readonly backward: UnitTilings | null;
}

/** Threads compute everything. */
export const NO_ATTENTION_UNITS: AttentionUnits = { forward: null, backward: null };

/** The first tiling that fits heads of a width; null if matrix units cannot serve them. */
export function unitTilingFor(units: UnitTilings, headWidth: number): AttentionTiling | null {
  if (headWidth % 16 !== 0 || headWidth > WIDEST) return null;
  const name = units.names.find((name) => fitsHeads(name, units, headWidth));
  return name === undefined ? null : ATTENTION_UNITS[name];
}

/** Whether a tiling fits into the memory of a workgroup for heads of a width. */
function fitsHeads(
  name: AttentionUnitsName,
  units: Pick<UnitTilings, "lanes" | "memory">,
  headWidth: number,
): boolean {
  const tiling = ATTENTION_UNITS[name];
  const bytes = [
    bytesOf(forwardConstants(tiling, headWidth / 4), headWidth) + statisticsBytes(tiling),
    bytesOf(keysConstants(tiling, headWidth / 4), headWidth),
    bytesOf(queriesConstants(tiling, headWidth / 4), headWidth),
  ];
  return Math.max(...bytes) <= units.memory;
}

/** The tilings that fit a device for heads of a width. */
export function tilingsThatFit(
  units: Pick<UnitTilings, "lanes" | "memory">,
  limits: AdapterSummary["limits"],
  headWidth: number,
): AttentionUnitsName[] {
  return (Object.keys(ATTENTION_UNITS) as AttentionUnitsName[]).filter((name) => {
    const { threads } = ATTENTION_UNITS[name].queries;
    return threads >= units.lanes && threads <= limits.maxComputeInvocationsPerWorkgroup &&
      fitsHeads(name, units, headWidth);
  });
}

/** Workgroup memory of `attention_matrices.wgsl`. */
function bytesOf(constants: TileConstants, headWidth: number): number {
  const { CHANNELS, POSITIONS } = constants;
  const { rows, columns, outputs } = sidesOf(constants);
  const row = Math.max(CHANNELS, headWidth) + 8;
  const left = Math.max(rows * row, POSITIONS * (outputs + 8));
  const right = Math.max(columns, POSITIONS) * row;
  const passed = Math.max(rows * (columns + 4), outputs * (headWidth + 4));
  return 2 * (left + right) + 4 * passed;
}

/** Rows and columns of the tile of pairs, rows of the outputs. */
function sidesOf(constants: TileConstants) {
  const { LEFT_THREADS, LEFT_MICRO, RIGHT_THREADS, RIGHT_MICRO } = constants;
  return {
    rows: LEFT_THREADS * LEFT_MICRO * 4,
    columns: RIGHT_THREADS * RIGHT_MICRO * 4,
    outputs: constants.OUT_LEFT_THREADS * constants.OUT_LEFT_MICRO * 4,
  };
}

/** `constants` of a kernel, and what its matrix units need to know besides. */
export function withUnits(
  constants: TileConstants,
  { config: { M, N, K }, lanes }: Pick<UnitTilings, "config" | "lanes">,
  headWidth: number,
): TileConstants {
  const { rows, columns, outputs } = sidesOf(constants);
  const subgroups = Math.floor(constants.THREADS / lanes);
  const share = (rows: number, columns: number) =>
    shareMatrices(Math.ceil(rows / M), Math.ceil(columns / N), subgroups);
  const pair = share(rows, columns);
  const out = share(outputs, headWidth);
  return {
    ...constants,
    LANES: lanes,
    MATRIX_M: M,
    MATRIX_N: N,
    MATRIX_K: K,
    PAIR_ROWS: rows,
    PAIR_COLUMNS: columns,
    PAIR_STEPS: constants.CHANNELS / K,
    PAIR_SUBGROUPS: pair.subgroups,
    PAIR_ACROSS: pair.across,
    PAIR_COUNT_M: pair.down,
    PAIR_COUNT_N: pair.wide,
    OUT_ROWS: outputs,
    OUT_STEPS: constants.POSITIONS / K,
    OUT_SUBGROUPS: out.subgroups,
    OUT_ACROSS: out.across,
    OUT_COUNT_M: out.down,
    OUT_COUNT_N: out.wide,
  };
}

/**
 * Divides rows × columns of matrices among subgroups, `across` of them side by side, each with `down` × `wide`:
 * as few as possible, as square as possible.
 */
export function shareMatrices(rows: number, columns: number, subgroups: number) {
  let best = { subgroups: 1, across: 1, down: rows, wide: columns };
  const costOf = ({ down, wide }: typeof best) => down * wide + (down + wide) / 1000;
  for (let across = 1; across <= Math.min(columns, subgroups); across++) {
    for (let along = 1; along <= Math.min(rows, Math.floor(subgroups / across)); along++) {
      if (columns % across !== 0 || rows % along !== 0) continue;
      const share = {
        subgroups: across * along,
        across,
        down: rows / along,
        wide: columns / across,
      };
      if (costOf(share) < costOf(best)) best = share;
    }
  }
  return best;
}
