/**
 * Encodes a kernel as a machine-code function `void kernel(const double *values)`: one float64 for
 * each parameter, preceded by the address of the tensors' memory as a 64-bit integer. System V calling
 * convention.
 *
 * @module
 */

import type { KernelCode, Vector } from "../../code/expression.ts";
import { float32, int32 } from "../../wasm/bytes.ts";
import { allocateRegisters, type Allocation, type Place } from "./allocate_registers.ts";
import { type Instruction, linearize, type LinearOperand, type Virtual } from "./linear_code.ts";
import type { Lanes } from "./native_code.ts";
import { inRegister, type Label, type Operand, register, X64Assembler } from "./x64_assembler.ts";
import { accumulating, formOf, type Mnemonic } from "./x64_instructions.ts";

const { rax, rcx, rbx, rbp, rdx, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = register;

/** Holds the address of the tensors' memory throughout a kernel. */
const memoryBase = r15;
/** Holds the address of the parameters while they are read. */
const valuesBase = rax;
/** For values that live on the stack while they are worked on. */
const indexScratch = [rcx, rax];
const indexRegisters = [rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, rdi];
const savedRegisters = [rbx, rbp, r12, r13, r14, r15];
/** Operands of one instruction that may all be on the stack. */
const mostVectorScratch = 3;

class Encoder {
  readonly #lanes: Lanes;
  readonly #assembler: X64Assembler;
  readonly #indices: Allocation;
  readonly #vectors: Allocation;
  readonly #vectorScratch: readonly number[];
  readonly #labels = new Map<number, Label>();

  constructor(kernel: KernelCode, lanes: Lanes) {
    this.#lanes = lanes;
    this.#assembler = new X64Assembler(this.#vectorBytes);
    const code = linearize(kernel, lanes);
    this.#indices = allocateRegisters(code, "index", indexRegisters);
    const all = Array.from({ length: lanes === 16 ? 32 : 16 }, (_, number) => number);
    const roomy = allocateRegisters(code, "vector", all);
    this.#vectorScratch = all.slice(-mostVectorScratch);
    this.#vectors = roomy.slots === 0
      ? roomy
      : allocateRegisters(code, "vector", all.slice(0, -mostVectorScratch));
    this.#enter();
    for (const instruction of code.instructions) this.#instruction(instruction);
    this.#leave();
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#assembler.finish();
  }

  get #vectorBytes(): 32 | 64 {
    return this.#lanes === 16 ? 64 : 32;
  }

  get #frameBytes(): number {
    return (this.#indices.slots + this.#vectors.slots) * this.#vectorBytes;
  }

  #enter(): void {
    const assembler = this.#assembler;
    for (const number of savedRegisters) assembler.push(number);
    assembler.emit("add", inRegister(rsp), -this.#frameBytes);
    assembler.emit("mov", inRegister(memoryBase), {
      kind: "memory",
      base: rdi,
      index: null,
      offset: 0,
    });
    assembler.emit("mov", inRegister(valuesBase), inRegister(rdi));
  }

  #leave(): void {
    const assembler = this.#assembler;
    assembler.emit("add", inRegister(rsp), this.#frameBytes);
    for (const number of [...savedRegisters].reverse()) assembler.pop(number);
    assembler.vzeroupper();
    assembler.ret();
  }

  #instruction(instruction: Instruction): void {
    switch (instruction.kind) {
      case "label":
        return this.#assembler.bind(this.#label(instruction.label));
      case "jump":
        return this.#assembler.jump(instruction.condition, this.#label(instruction.label));
      case "operation":
        return this.#operation(instruction);
    }
  }

  #label(number: number): Label {
    const label = this.#labels.get(number) ?? this.#assembler.label();
    this.#labels.set(number, label);
    return label;
  }

  /** Brings values from the stack to scratch registers, and a result from there to the stack. */
  #operation({ name, operands }: Extract<Instruction, { kind: "operation" }>): void {
    if (this.#isIdleMove(name, operands)) return;
    const { operands: letters } = formOf(name, operands.map(kindOf));
    const scratch = { index: [...indexScratch], vector: [...this.#vectorScratch] };
    const results: { to: Operand; from: Operand; type: Virtual["type"] }[] = [];
    const placed = operands.map((operand, position): Operand => {
      if (!isVirtual(operand)) return this.#fixed(operand, scratch.index);
      const place = this.#placeOf(operand);
      if (place.kind === "register") return inRegister(place.number);
      const slot = this.#slot(place, operand.type);
      const isTarget = position === 0;
      if (operand.type === "vector" && !isTarget && letters[position] === "M") return slot;
      const substitute = inRegister(scratch[operand.type].shift()!);
      const { type } = operand;
      if (!isTarget || accumulating.has(name)) this.#transfer(type, substitute, slot);
      if (isTarget && name !== "cmp") results.push({ to: slot, from: substitute, type });
      return substitute;
    });
    this.#assembler.emit(name, ...placed);
    for (const { to, from, type } of results) this.#transfer(type, to, from);
  }

  #isIdleMove(name: Mnemonic, [to, from]: readonly LinearOperand[]): boolean {
    if ((name !== "mov" && name !== "vmovups") || !isVirtual(to) || !isVirtual(from)) return false;
    const [target, source] = [this.#placeOf(to), this.#placeOf(from)];
    return target.kind === "register" && source.kind === "register" &&
      target.number === source.number;
  }

  #transfer(type: Virtual["type"], to: Operand, from: Operand): void {
    this.#assembler.emit(type === "index" ? "mov" : "vmovups", to, from);
  }

  /** Operands whose place is not for the allocation to decide. */
  #fixed(operand: Exclude<LinearOperand, Virtual>, scratch: number[]): Operand {
    if (typeof operand === "number") return operand;
    if ("constant" in operand) {
      return this.#assembler.constant(constantBytes(operand.constant, this.#lanes));
    }
    if ("opmask" in operand) return inRegister(operand.opmask);
    if ("parameter" in operand) {
      return { kind: "memory", base: valuesBase, index: null, offset: 8 * (operand.parameter + 1) };
    }
    const index = operand.index === null ? null : this.#indexIn(operand.index, scratch);
    return { kind: "memory", base: memoryBase, index, offset: operand.offset };
  }

  #indexIn(virtual: Virtual, scratch: number[]): number {
    const place = this.#placeOf(virtual);
    if (place.kind === "register") return place.number;
    const number = scratch.shift()!;
    this.#transfer("index", inRegister(number), this.#slot(place, "index"));
    return number;
  }

  #placeOf({ type, id }: Virtual): Place {
    return (type === "index" ? this.#indices : this.#vectors).places.get(id)!;
  }

  #slot(place: { slot: number }, type: Virtual["type"]): Operand {
    const slot = type === "index" ? place.slot : this.#indices.slots + place.slot;
    return { kind: "memory", base: rsp, index: null, offset: slot * this.#vectorBytes };
  }
}

function isVirtual(operand: LinearOperand | undefined): operand is Virtual {
  return typeof operand === "object" && "id" in operand;
}

function kindOf(operand: LinearOperand): "register" | "memory" | "immediate" {
  if (typeof operand === "number") return "immediate";
  return "id" in operand || "opmask" in operand ? "register" : "memory";
}

/** The bytes of a constant vector. */
function constantBytes({ operation, value, lanes }: Vector, count: number): number[] {
  return Array.from({ length: count }, (_, lane) => {
    if (operation === "laneNumbers") return float32(lane);
    if (operation === "constant") return float32(value);
    return int32(lanes.length === 0 || lanes.includes(lane) ? value : 0);
  }).flat();
}

/** See the module's text. */
export function encodeX64(kernel: KernelCode, lanes: Lanes): Uint8Array<ArrayBuffer> {
  return new Encoder(kernel, lanes).finish();
}
