/** A product divided among workgroups: by threads, or by matrix units where they serve. @module */

import { MATRIX_TILINGS, type MatrixUnits, unitConstants } from "./matrix_units.ts";
import { type TilingChoice, tilingConstants, TILINGS } from "./tilings.ts";

/** What each workgroup computes, and how its shader learns of it. */
export interface Division {
  readonly by: "threads" | "units";
  /** Rows and columns of the result that a workgroup computes, and how deep its tiles are. */
  readonly height: number;
  readonly width: number;
  readonly depth: number;
  readonly constants: Readonly<Record<string, number>>;
}

/** Name of the choice for a product. */
type Use = Exclude<keyof TilingChoice, "workgroups">;

/** A result that would leave most of a large tile empty, or is slow to load, gets a small one. */
function useOf(narrowest: number, isQuadWide: boolean, way: "" | "Backward"): Use {
  if (!isQuadWide || narrowest <= 48) return "small";
  return `${narrowest < 96 ? "medium" : "large"}${way}`;
}

/** The facts about a product that decide. */
export interface ProductShape {
  /** The narrower side of the result. */
  readonly narrowest: number;
  readonly isQuadWide: boolean;
  readonly way: "" | "Backward";
  /** Matrix units for it; null if it is not for them. */
  readonly units: MatrixUnits | null;
}

/** How to divide a product, given the tilings of the device. */
export function divide(
  { narrowest, isQuadWide, way, units }: ProductShape,
  choice: TilingChoice,
): Division {
  const use = useOf(narrowest, isQuadWide, way);
  if (units !== null && isQuadWide) {
    const tiling = MATRIX_TILINGS[units.tilings[use]];
    return {
      by: "units",
      height: tiling.SUBGROUPS_M * tiling.height,
      width: tiling.SUBGROUPS_N * tiling.width,
      depth: tiling.K_TILE,
      constants: unitConstants(units, tiling),
    };
  }
  const tiling = TILINGS[choice[use]];
  return {
    by: "threads",
    height: tiling.THREADS_M * tiling.MICRO_M,
    width: tiling.THREADS_N * tiling.MICRO_N,
    depth: tiling.K_TILE,
    constants: tilingConstants(tiling),
  };
}
