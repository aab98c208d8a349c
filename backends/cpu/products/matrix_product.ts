/** What a matrix product is given, for all ways to compute it. @module */

import type { Precision } from "../../backend.ts";
import type { Activation } from "../../kernels.ts";
import { zerosOffset } from "../memory/arena.ts";
import type { Task } from "../threads/program.ts";
import { activationKernelNames } from "./gemm/job.ts";

/** A matrix in memory, row-major. */
export interface Matrix {
  address: number;
  /** Bytes from a row to the next; by default the rows are contiguous. */
  rowBytes?: number;
  /** Stored as [columns, rows]. */
  isTransposed?: boolean;
  /** In bfloat16, where {@link takesBfloat16} allows it. */
  isBfloat16?: boolean;
}

/** What is added to the product. */
export type Start = "zero" | { bias: number } | { matrix: number; rowBytes: number };

/** `a` [rows, depth], `b` [depth, columns] → `c` [rows, columns], with f(c) at `activated`. */
export interface MatrixProduct {
  rows: number;
  columns: number;
  depth: number;
  a: Matrix;
  b: Matrix;
  /** Address 0 if only f(c) is wanted, where {@link writesBfloat16} allows it. */
  c: { address: number; rowBytes?: number };
  start?: Start;
  activation?: Activation;
  /** Where f(c) goes; laid out like `c`, and may be `c` itself. */
  activated?: number;
  /** Whether f(c) is written as bfloat16, in half the bytes, where {@link writesBfloat16} allows it. */
  activatedIsBfloat16?: boolean;
  /** Where c goes as bfloat16 if {@link keepsBfloat16} allows it; laid out like `c`, in half the bytes. */
  kept?: number;
  /** What `a` and `b` are rounded to if the processor multiplies that format. Default: float32. */
  precision?: Precision;
}

/** Tasks that run in the same program as the products. */
export interface Company {
  /** Run before the products; may write their left operands, but not the right ones. */
  readonly before?: readonly Task[];
  /** Run alongside the last product; may read what `before` has written. */
  readonly beside?: readonly Task[];
}

/** Where the initial values are, with their strides. */
export function startOf(start: Start, panelBytes: number) {
  if (start === "zero") return { start: zerosOffset, startRowBytes: 0, startPanelBytes: 0 };
  if ("bias" in start) {
    return { start: start.bias, startRowBytes: 0, startPanelBytes: panelBytes };
  }
  return { start: start.matrix, startRowBytes: start.rowBytes, startPanelBytes: panelBytes };
}

/** Bytes between rows of the stored matrix. */
export function storedRowBytes(matrix: Matrix, rows: number, columns: number): number {
  const bytes = matrix.isBfloat16 ? 2 : 4;
  return matrix.rowBytes ?? (matrix.isTransposed ? rows : columns) * bytes;
}

/** The activation's number among {@link activationKernelNames}. */
export function activationNumber({ activation = "none" }: MatrixProduct): number {
  return activation === "none" ? 0 : activationKernelNames.indexOf(activation);
}
