/** Where a system passes arguments to machine code, and what that code must leave as it found it. @module */

import { register } from "./x64_assembler.ts";

const { rbx, rbp, rcx, rsi, rdi, r12, r13, r14, r15 } = register;

/** What the code of a function `void f(const double *)` depends on. */
export interface CallingConvention {
  /** The general register with the first argument. */
  readonly argument: number;
  /** General registers that belong to the caller. */
  readonly savedRegisters: readonly number[];
  /** Vector registers whose lower 128 bits belong to the caller. */
  readonly savedVectors: readonly number[];
}

/** Linux. System V ABI, AMD64 supplement, 3.2.1 and 3.2.3. */
export const systemV: CallingConvention = {
  argument: rdi,
  savedRegisters: [rbx, rbp, r12, r13, r14, r15],
  savedVectors: [],
};

/**
 * Windows. The four words above the return address ("shadow space") are the called function's to use; our
 * code has no need of them. Microsoft, "x64 calling convention".
 */
export const windowsX64: CallingConvention = {
  argument: rcx,
  savedRegisters: [rbx, rbp, rsi, rdi, r12, r13, r14, r15],
  savedVectors: [6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
};
