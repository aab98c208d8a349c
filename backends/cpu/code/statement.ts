/** The statements of kernels, and a kernel as a whole. @module */

import type { Index, Variable, Vector } from "./expression.ts";

/** A comparison of signed indices. */
export interface Condition {
  readonly relation: "less" | "notLess" | "greater" | "equal";
  readonly left: Index;
  readonly right: Index;
}

/**
 * Lanes that a store writes: all, all but past the caches, the first, four of them by the number of their group,
 * or, with AVX-512, those where a comparison holds.
 */
export type StoredLanes =
  | "all"
  | "pastCaches"
  | "first"
  | { readonly group: number }
  | { readonly where: Vector };

export type Statement =
  | { kind: "setIndex"; variable: Variable; value: Index }
  | { kind: "setVector"; variable: Variable; value: Vector }
  | { kind: "store"; address: Index; offset: number; value: Vector; lanes: StoredLanes }
  | { kind: "doWhile"; body: Statement[]; condition: Condition }
  | { kind: "if"; condition: Condition; then: Statement[]; otherwise: Statement[] }
  | TileStatement;

/** What is done with tiles, which have the numbers 0 to 7. */
export type TileStatement =
  & { readonly kind: "tile" }
  & (
    | { readonly operation: "start" | "end" }
    | { readonly operation: "zero"; readonly tile: number }
    | {
      readonly operation: "load" | "store";
      readonly tile: number;
      readonly address: Index;
      readonly offset: number;
      readonly rowBytes: Index;
    }
    | {
      readonly operation: "multiply";
      readonly sum: number;
      readonly left: number;
      readonly right: number;
    }
  );

/** A parameter: numbers of the host become indices, or float32 in every lane. */
export interface KernelParameter {
  readonly name: string;
  readonly variable: Variable;
}

/** A kernel ready to be encoded. */
export interface KernelCode {
  readonly name: string;
  readonly parameters: readonly KernelParameter[];
  readonly variables: readonly Variable[];
  readonly body: readonly Statement[];
}
