/** Small facts about shapes that the kernels share. @module */
import type { Tensor } from "../../../deps/tfjs.ts";
import type { Precision } from "../../backend.ts";
import type { Storage } from "../runtime.ts";

/** Threads of the workgroups that reduce or go element by element. */
export const WORKGROUP = 64;
/** Threads in workgroups that partly sum columns over all rows: those take longest. */
export const SUM_WORKGROUP = 256;
/** Quads of columns that one workgroup sums over all rows. */
export const COLUMN_QUADS = 2;

/** A tensor as rows of its last axis. */
export function rowsOf(tensor: Tensor): { rows: number; width: number; quadsPerRow: number } {
  const width = tensor.shape.at(-1)!;
  return { rows: tensor.size / width, width, quadsPerRow: Math.ceil(width / 4) };
}

/** Workgroups that sum over rows for `width` columns. */
export function columnGroupsOf(width: number): number {
  return Math.ceil(width / (COLUMN_QUADS * 4));
}

/** How activations of these widths are stored: as float16 only if all are whole quads. */
export function storageFor(precision: Precision, ...widths: number[]): Storage {
  return precision === "float16" && widths.every((width) => width % 4 === 0)
    ? "float16"
    : "float32";
}
