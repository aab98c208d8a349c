/**
 * How products are divided among a GPU's matrix units, which multiply small matrices of float16 into float32
 * sums, one operation of a subgroup each.
 *
 * @module
 */

import type { AdapterSummary, MatrixConfig } from "../adapter.ts";
import type { TilingChoice } from "./tilings.ts";

/** What a shader that uses matrix units starts with. */
export const MATRIX_DIRECTIVES: readonly string[] = [
  "enable f16;",
  "enable subgroups;",
  "enable chromium_experimental_subgroup_matrix;",
  // The compiler does not know that a thread's number divided by their count is the same in all of a subgroup.
  "diagnostic(off, chromium.subgroup_matrix_uniformity);",
];

/** How a workgroup's tile is divided among subgroups. */
export interface MatrixTiling {
  readonly SUBGROUPS_M: number;
  readonly SUBGROUPS_N: number;
  /** Rows and columns of the result that a subgroup computes. */
  readonly height: number;
  readonly width: number;
  readonly K_TILE: number;
}

/** Ways to divide the work, named after the tile; which is fastest depends on the GPU. */
export const MATRIX_TILINGS = {
  units32: { SUBGROUPS_M: 2, SUBGROUPS_N: 2, height: 16, width: 16, K_TILE: 16 },
  units64: { SUBGROUPS_M: 2, SUBGROUPS_N: 2, height: 32, width: 32, K_TILE: 32 },
  wide128: { SUBGROUPS_M: 2, SUBGROUPS_N: 2, height: 32, width: 64, K_TILE: 32 },
  units128: { SUBGROUPS_M: 4, SUBGROUPS_N: 2, height: 32, width: 64, K_TILE: 32 },
} satisfies Record<string, MatrixTiling>;

/** Name of a tiling for matrix units. */
export type MatrixTilingName = keyof typeof MATRIX_TILINGS;

/** The matrix units of a device, as products use them. */
export interface MatrixUnits {
  readonly config: MatrixConfig;
  /** Threads of a subgroup. */
  readonly lanes: number;
  readonly tilings: TilingChoice<MatrixTilingName>;
}

/** The largest matrices that can be used here; null if there are none for float16 with float32 sums. */
export function bestConfig(configs: readonly MatrixConfig[]): MatrixConfig | null {
  const sizeOf = ({ M, N, K }: MatrixConfig) => M * N * K;
  const usable = configs.filter(({ componentType, resultComponentType, M, N, K }) =>
    componentType === "f16" && resultComponentType === "f32" &&
    [M, N, K].every((side) => side % 4 === 0 && 16 % side === 0)
  );
  return usable.toSorted((a, b) => sizeOf(b) - sizeOf(a))[0] ?? null;
}

/** Whether a tiling's tiles fit into the memory of a workgroup, and its threads too. */
export function fitsUnits(
  name: MatrixTilingName,
  { M, N }: MatrixConfig,
  lanes: number,
  limits: AdapterSummary["limits"],
): boolean {
  const { SUBGROUPS_M, SUBGROUPS_N, height, width, K_TILE } = MATRIX_TILINGS[name];
  const subgroups = SUBGROUPS_M * SUBGROUPS_N;
  const tiles = (SUBGROUPS_M * height + SUBGROUPS_N * width + 16) * K_TILE * 2;
  return tiles + subgroups * M * N * 4 <= limits.maxComputeWorkgroupStorageSize &&
    subgroups * lanes <= limits.maxComputeInvocationsPerWorkgroup;
}

/** The matrix units of an adapter; null if they cannot be used. */
export function findMatrixUnits(
  { matrices, features }: AdapterSummary,
  { subgroupMinSize, subgroupMaxSize }: { subgroupMinSize?: number; subgroupMaxSize?: number },
): Pick<MatrixUnits, "config" | "lanes"> | null {
  const config = bestConfig(matrices);
  // Which thread is in which subgroup must be known.
  if (config === null || !features.includes("shader-f16")) return null;
  if (subgroupMinSize === undefined || subgroupMinSize !== subgroupMaxSize) return null;
  return { config, lanes: subgroupMinSize };
}

/** The tilings to try on an adapter. */
export function tilingsToTry(
  { config, lanes }: Pick<MatrixUnits, "config" | "lanes">,
  { isSoftware, limits }: AdapterSummary,
): MatrixTilingName[] {
  const names = (Object.keys(MATRIX_TILINGS) as MatrixTilingName[])
    .filter((name) => fitsUnits(name, config, lanes, limits));
  // A processor that emulates a GPU compiles for seconds.
  return isSoftware ? names.slice(0, 1) : names;
}

/** The constants of a shader that computes with a tiling. */
export function unitConstants(
  { config, lanes }: Pick<MatrixUnits, "config" | "lanes">,
  { SUBGROUPS_M, SUBGROUPS_N, height, width, K_TILE }: MatrixTiling,
): Record<string, number> {
  const threads = SUBGROUPS_M * SUBGROUPS_N * lanes;
  const blocksOf = (side: number) => Math.ceil(side * K_TILE / 16 / threads);
  return {
    THREADS_M: 1,
    THREADS_N: threads,
    LANES: lanes,
    SUBGROUPS_M,
    SUBGROUPS_N,
    COUNT_M: height / config.M,
    COUNT_N: width / config.N,
    MATRIX_M: config.M,
    MATRIX_N: config.N,
    MATRIX_K: config.K,
    K_TILE,
    K_STEPS: K_TILE / config.K,
    FETCHES_A: blocksOf(SUBGROUPS_M * height),
    FETCHES_B: blocksOf(SUBGROUPS_N * width),
  };
}
