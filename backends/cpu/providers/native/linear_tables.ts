/** Which instructions, conditions and immediates stand for which operations. @module */

import { Vector } from "../../code/expression.ts";
import type { Mnemonic } from "./x64_instructions.ts";

/** Conditions of jumps where a relation holds, and where it does not. */
export const jumps = { less: "l", notLess: "ge", greater: "g", equal: "e" } as const;
export const oppositeJumps = { less: "ge", notLess: "l", greater: "le", equal: "ne" } as const;

export const indexNames = {
  add: "add",
  subtract: "sub",
  multiply: "imul",
  shiftLeft: "shl",
} as const;

/** Operations that are one instruction with two sources; the second may be a constant. */
export const binaryNames: Partial<Record<Vector["operation"], Mnemonic>> = {
  add: "vaddps",
  subtract: "vsubps",
  multiply: "vmulps",
  divide: "vdivps",
  minimum: "vminps",
  maximum: "vmaxps",
  and: "vandps",
  or: "vorps",
  xor: "vxorps",
  integerAdd: "vpaddd",
};
export const commuting: ReadonlySet<string> = new Set(["add", "multiply", "and", "or"]);

/** Immediates: of comparisons, and of rounding to nearest. */
export const comparison = { less: 0x11, equal: 0x00 } as const;
export const nearest = 8;

/** The lanes of 16 bits that `interleaveHalves` takes, two in each lane of 32. */
export const interleaving = new Vector("table", [], {
  lanes: Array.from({ length: 16 }, (_, lane) => lane | (16 + lane) << 16),
});

/** Exchanges of larger parts of a vector first, then of pairs of lanes, then of neighbours. */
export const exchanges = {
  8: [["vperm2f128", 0x01], ["vshufps", 0x4e], ["vshufps", 0xb1]],
  16: [["vshuff32x4", 0x4e], ["vshuff32x4", 0xb1], ["vshufps", 0x4e], ["vshufps", 0xb1]],
} as const;

/** Instructions that multiply their first operand instead of adding to it. */
export const multiplyingForms: Partial<Record<Mnemonic, Mnemonic>> = {
  vfmadd231ps: "vfmadd213ps",
  vfnmadd231ps: "vfnmadd213ps",
};
