/** Instructions over any number of virtual registers. @module */

import type { Vector } from "../../code/expression.ts";
import type { JumpCondition } from "./x64_assembler.ts";
import type { Mnemonic } from "./x64_instructions.ts";

/** A virtual register. */
export interface Virtual {
  readonly type: "index" | "vector";
  readonly id: number;
}

/** The value of a register, if any, plus an offset, in the tensors' memory; or a parameter. */
export type Address =
  | { readonly index: Virtual | null; readonly offset: number }
  | { readonly parameter: number };

/** Rows of a tile, at an address that includes the memory's. */
export interface TileAddress {
  readonly base: Virtual;
  readonly rowBytes: Virtual;
  readonly offset: number;
}

/** A register that is not to be allocated: a tile, an opmask. */
export interface Fixed {
  readonly fixed: number;
}

/** The one opmask register that is used. */
export const mask: Fixed = { fixed: 1 };

/** The register with the address of the tensors' memory. */
export const memoryStart = "memoryStart";

/** What an instruction works on; a vector or bytes are a constant, a number an immediate. */
export type LinearOperand =
  | Virtual
  | Vector
  | Address
  | TileAddress
  | Fixed
  | typeof memoryStart
  | { readonly bytes: readonly number[] }
  | number;

export type Instruction =
  | { kind: "operation"; name: Mnemonic; operands: readonly LinearOperand[] }
  | { kind: "label"; label: number }
  | { kind: "jump"; condition: JumpCondition | "always"; label: number };

/** The instructions, and the loops as ranges of them. */
export interface LinearCode {
  readonly instructions: readonly Instruction[];
  readonly loops: readonly { start: number; end: number }[];
}

/** The virtual registers that an instruction reads or writes. */
export function registersOf(instruction: Instruction): Virtual[] {
  if (instruction.kind !== "operation") return [];
  return instruction.operands.flatMap((operand) => {
    if (typeof operand !== "object") return [];
    if ("id" in operand) return [operand];
    if ("rowBytes" in operand) return [operand.base, operand.rowBytes];
    return "index" in operand && operand.index !== null ? [operand.index] : [];
  });
}
