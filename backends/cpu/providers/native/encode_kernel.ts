/**
 * Encodes a kernel as a machine-code function `void kernel(const double *values)`: one float64 for
 * each parameter, preceded by the address of the tensors' memory as a 64-bit integer.
 *
 * Indices for which no register is left live on the stack. Vectors never do: that would cost the speed
 * that kernels exist for, and the registers of both targets suffice for all kernels.
 *
 * @module
 */

import { Vector } from "../../code/expression.ts";
import type { KernelCode } from "../../code/statement.ts";
import { allocateRegisters, type Allocation } from "./allocate_registers.ts";
import type { CallingConvention } from "./calling_convention.ts";
import { linearize } from "./linear_code.ts";
import {
  type Instruction,
  type LinearOperand,
  memoryStart,
  type Virtual,
} from "./linear_instructions.ts";
import type { Lanes } from "./native_code.ts";
import { inMemory, inRegister, type Operand, register, X64Assembler } from "./x64_assembler.ts";
import { accumulating, type Mnemonic } from "./x64_instructions.ts";

const { rax, rcx, rbx, rbp, rdx, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = register;

/** Holds the address of the tensors' memory throughout a kernel. */
const memoryBase = r15;
/** Holds the address of the parameters while they are read. */
const valuesBase = rax;
/** For indices that live on the stack while they are worked on. */
const scratchRegisters = [rcx, rax];
const indexRegisters = [rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, rdi];
const slotBytes = 8;

class Encoder {
  readonly #lanes: Lanes;
  readonly #convention: CallingConvention;
  readonly #assembler: X64Assembler;
  readonly #indices: Allocation;
  readonly #vectors: Allocation;
  /** Vectors of the caller that the kernel uses. */
  readonly #savedVectors: readonly number[];

  constructor(kernel: KernelCode, lanes: Lanes, convention: CallingConvention) {
    this.#lanes = lanes;
    this.#convention = convention;
    this.#assembler = new X64Assembler(lanes === 16 ? 64 : 32);
    const code = linearize(kernel, lanes);
    const { savedVectors } = convention;
    const freeVectors = [...Array(lanes === 16 ? 32 : 16).keys()]
      .filter((number) => !savedVectors.includes(number));
    const vectorRegisters = [...freeVectors, ...savedVectors];
    this.#indices = allocateRegisters(code, "index", indexRegisters);
    this.#vectors = allocateRegisters(code, "vector", vectorRegisters);
    if (this.#vectors.slots.size > 0) {
      const most = `more than ${vectorRegisters.length} vectors at once`;
      throw new Error(`Cannot encode the kernel "${kernel.name}" for x86-64: it needs ${most}`);
    }
    const used = new Set(this.#vectors.registers.values());
    this.#savedVectors = savedVectors.filter((number) => used.has(number));
    this.#enter();
    for (const instruction of code.instructions) this.#instruction(instruction);
    this.#leave();
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#assembler.finish();
  }

  get #slotsBytes(): number {
    return this.#indices.slots.size * slotBytes;
  }

  /** Small enough that Windows, which adds pages to the stack one at a time, needs no probes. */
  get #frameBytes(): number {
    return this.#slotsBytes + this.#savedVectors.length * this.#lanes * 4;
  }

  #enter(): void {
    const { argument, savedRegisters } = this.#convention;
    for (const number of savedRegisters) this.#assembler.push(number);
    this.#assembler.emit("add", inRegister(rsp), -this.#frameBytes);
    this.#savedVectors.forEach((number, place) =>
      this.#assembler.emit("vmovups", this.#savedVector(place), inRegister(number))
    );
    this.#assembler.emit("mov", inRegister(memoryBase), inMemory(argument, 0));
    this.#assembler.emit("mov", inRegister(valuesBase), inRegister(argument));
  }

  #leave(): void {
    this.#savedVectors.forEach((number, place) =>
      this.#assembler.emit("vmovups", inRegister(number), this.#savedVector(place))
    );
    this.#assembler.emit("add", inRegister(rsp), this.#frameBytes);
    for (const number of this.#convention.savedRegisters.toReversed()) this.#assembler.pop(number);
    this.#assembler.vzeroupper();
    this.#assembler.ret();
  }

  /** Whole vectors are kept, for which there is an instruction already; 128 bits would do. */
  #savedVector(place: number): Operand {
    return inMemory(rsp, this.#slotsBytes + place * this.#lanes * 4);
  }

  #instruction(instruction: Instruction): void {
    switch (instruction.kind) {
      case "label":
        return this.#assembler.bind(instruction.label);
      case "jump":
        return this.#assembler.jump(instruction.condition, instruction.label);
      case "operation":
        return this.#operation(instruction);
    }
  }

  /** Brings indices from the stack to scratch registers, and a result from there to the stack. */
  #operation({ name, operands }: Extract<Instruction, { kind: "operation" }>): void {
    if (this.#isIdleMove(name, operands)) return;
    const scratch = [...scratchRegisters];
    const placed = operands.map((operand, position): Operand => {
      if (!isVirtual(operand)) return this.#fixed(operand, scratch);
      const isRead = position > 0 || accumulating.has(name);
      return inRegister(this.#registerOf(operand) ?? this.#borrow(operand, scratch, isRead));
    });
    this.#assembler.emit(name, ...placed);
    const [target] = operands;
    if (name === "cmp" || !isVirtual(target) || this.#registerOf(target) !== undefined) return;
    this.#assembler.emit("mov", this.#slot(target), placed[0]);
  }

  #isIdleMove(name: Mnemonic, [to, from]: readonly LinearOperand[]): boolean {
    if ((name !== "mov" && name !== "vmovups") || !isVirtual(to) || !isVirtual(from)) return false;
    const [target, source] = [this.#registerOf(to), this.#registerOf(from)];
    return target !== undefined && target === source;
  }

  /** Operands whose place the allocation does not decide. */
  #fixed(operand: Exclude<LinearOperand, Virtual>, scratch: number[]): Operand {
    if (typeof operand === "number") return operand;
    if (operand === memoryStart) return inRegister(memoryBase);
    if (operand instanceof Vector) {
      return this.#assembler.constant(operand.constantBytes(this.#lanes));
    }
    if ("fixed" in operand) return inRegister(operand.fixed);
    if ("bytes" in operand) return this.#assembler.constant(operand.bytes);
    if ("parameter" in operand) return inMemory(valuesBase, 8 * (operand.parameter + 1));
    const toRead = (index: Virtual) =>
      this.#registerOf(index) ?? this.#borrow(index, scratch, true);
    if ("rowBytes" in operand) {
      return inMemory(toRead(operand.base), operand.offset, toRead(operand.rowBytes));
    }
    const { index, offset } = operand;
    return inMemory(memoryBase, offset, index === null ? null : toRead(index));
  }

  /** A scratch register in place of a slot of the stack, with its value if that is read. */
  #borrow(virtual: Virtual, scratch: number[], isRead: boolean): number {
    const number = scratch.shift()!;
    if (isRead) this.#assembler.emit("mov", inRegister(number), this.#slot(virtual));
    return number;
  }

  #registerOf({ type, id }: Virtual): number | undefined {
    return (type === "index" ? this.#indices : this.#vectors).registers.get(id);
  }

  #slot({ id }: Virtual): Operand {
    return inMemory(rsp, this.#indices.slots.get(id)! * slotBytes);
  }
}

function isVirtual(operand: LinearOperand | undefined): operand is Virtual {
  return typeof operand === "object" && "id" in operand;
}

/** See the module comment. */
export function encodeX64(
  kernel: KernelCode,
  lanes: Lanes,
  convention: CallingConvention,
): Uint8Array<ArrayBuffer> {
  return new Encoder(kernel, lanes, convention).finish();
}
