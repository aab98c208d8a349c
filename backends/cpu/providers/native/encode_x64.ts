/**
 * Encodes a kernel as a machine-code function `void kernel(const double *values)`: one float64 for
 * each parameter, preceded by the address of the tensors' memory as a 64-bit integer.
 *
 * System V calling convention; AVX2 and FMA with 8 lanes, AVX-512 with 16.
 *
 * @module
 */

import type { KernelCode, Vector } from "../../code/expression.ts";
import { float32, int32 } from "../../wasm/bytes.ts";
import { allocateRegisters, type Allocation } from "./allocate_registers.ts";
import {
  type Address,
  type IndexInput,
  type Instruction,
  isConstant,
  type LinearCode,
  linearize,
  type Relation,
  type VectorInput,
  type Virtual,
} from "./linear_code.ts";
import {
  conditionCode,
  inRegister,
  type Label,
  type Lanes,
  memoryBase,
  type Operand,
  register,
  X64Assembler,
} from "./x64_assembler.ts";

const { rax, rcx, rbx, rbp, rdx, rsi, rdi, rsp, r8, r9, r10, r11, r12, r13, r14, r15 } = register;

/** For values that live on the stack while they are worked on. */
const indexScratch = [rax, rcx] as const;
const indexRegisters = [rdx, rbx, rbp, rsi, r8, r9, r10, r11, r12, r13, r14, rdi];
const savedRegisters = [rbx, rbp, r12, r13, r14, r15];
/** Vector registers that values on the stack are worked on in, where there are such values. */
const scratchVectors = 3;
const nearest = 8;
const comparison = { less: 0x11, equal: 0x00 };
/** Exchanges of halves or pairs, and of neighbours, among four. */
const exchangePairs = 0x4e;
const exchangeNeighbours = 0xb1;

class Encoder {
  readonly #lanes: Lanes;
  readonly #assembler: X64Assembler;
  readonly #vectorScratch: readonly number[];
  readonly #indices: Allocation;
  readonly #vectors: Allocation;
  readonly #labels = new Map<number, Label>();

  constructor(code: LinearCode, lanes: Lanes) {
    this.#lanes = lanes;
    this.#assembler = new X64Assembler(lanes);
    this.#indices = allocateRegisters(code, "index", indexRegisters);
    const vectors = Array.from({ length: 2 * lanes }, (_, number) => number);
    this.#vectorScratch = vectors.slice(-scratchVectors);
    const roomy = allocateRegisters(code, "vector", vectors);
    const isTight = roomy.slots > 0;
    const unscratched = vectors.slice(0, -scratchVectors);
    this.#vectors = isTight ? allocateRegisters(code, "vector", unscratched) : roomy;
    this.#enter(code);
    for (const instruction of code.instructions) this.#instruction(instruction);
    this.#leave();
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.#assembler.finish();
  }

  get #frameBytes(): number {
    return (this.#indices.slots + this.#vectors.slots) * this.#slotBytes;
  }

  get #slotBytes(): number {
    return this.#lanes * 4;
  }

  #enter(code: LinearCode): void {
    const assembler = this.#assembler;
    for (const number of savedRegisters) assembler.push(number);
    assembler.addImmediate(rsp, -this.#frameBytes);
    assembler.loadInteger(memoryBase, { kind: "memory", base: rdi, index: null, offset: 0 });
    // Their address moves to where no parameter is placed.
    assembler.move(rax, rdi);
    const parameters = code.instructions.filter(({ kind }) => kind === "parameter");
    for (const instruction of parameters) this.#parameter(instruction as never);
  }

  #parameter({ to, position }: Extract<Instruction, { kind: "parameter" }>): void {
    const from: Operand = { kind: "memory", base: rax, index: null, offset: 8 * (position + 1) };
    const assembler = this.#assembler;
    if (to.type === "index") {
      const target = this.#indexTarget(to, rcx);
      assembler.convertToInteger(target, from);
      this.#keepIndex(to, target);
    } else {
      const target = this.#vectorTarget(to);
      assembler.narrow(target, from);
      assembler.vector2("broadcast", target, inRegister(target));
      this.#keepVector(to, target);
    }
  }

  #leave(): void {
    const assembler = this.#assembler;
    assembler.addImmediate(rsp, this.#frameBytes);
    for (const number of [...savedRegisters].reverse()) assembler.pop(number);
    assembler.returnFromVectors();
    assembler.return();
  }

  // Places.

  #slot(place: { slot: number }, type: Virtual["type"]): Operand {
    const slot = type === "index" ? place.slot : this.#indices.slots + place.slot;
    return { kind: "memory", base: rsp, index: null, offset: slot * this.#slotBytes };
  }

  #placeOf(virtual: Virtual) {
    const { places } = virtual.type === "index" ? this.#indices : this.#vectors;
    return places.get(virtual.id)!;
  }

  /** The register that holds an index; one from the stack is loaded into `scratch`. */
  #indexIn(virtual: Virtual, scratch: number): number {
    const place = this.#placeOf(virtual);
    if (place.kind === "register") return place.number;
    this.#assembler.loadInteger(scratch, this.#slot(place, "index"));
    return scratch;
  }

  #indexTarget(virtual: Virtual, scratch: number): number {
    const place = this.#placeOf(virtual);
    return place.kind === "register" ? place.number : scratch;
  }

  #keepIndex(virtual: Virtual, from: number): void {
    const place = this.#placeOf(virtual);
    if (place.kind === "stack") this.#assembler.storeInteger(this.#slot(place, "index"), from);
  }

  #vectorIn(virtual: Virtual, scratch: number): number {
    const place = this.#placeOf(virtual);
    if (place.kind === "register") return place.number;
    this.#assembler.vector2("move", scratch, this.#slot(place, "vector"));
    return scratch;
  }

  /** A last source, which may be in memory. */
  #operand(input: VectorInput): Operand {
    if (isConstant(input)) {
      return this.#assembler.constant(constantBytes(input.constant, this.#lanes));
    }
    const place = this.#placeOf(input);
    return place.kind === "register" ? inRegister(place.number) : this.#slot(place, "vector");
  }

  #vectorTarget(virtual: Virtual): number {
    const place = this.#placeOf(virtual);
    return place.kind === "register" ? place.number : this.#vectorScratch[0];
  }

  #keepVector(virtual: Virtual, from: number): void {
    const place = this.#placeOf(virtual);
    if (place.kind === "stack") this.#assembler.storeVector(this.#slot(place, "vector"), from);
  }

  #address({ index, offset }: Address): Operand {
    const number = index === null ? null : this.#indexIn(index, indexScratch[0]);
    return { kind: "memory", base: memoryBase, index: number, offset };
  }

  #label(number: number): Label {
    const known = this.#labels.get(number);
    if (known !== undefined) return known;
    const label = this.#assembler.label();
    this.#labels.set(number, label);
    return label;
  }

  // Instructions.

  #instruction(instruction: Instruction): void {
    const assembler = this.#assembler;
    switch (instruction.kind) {
      case "parameter":
        return;
      case "label":
        return assembler.bind(this.#label(instruction.label));
      case "jump":
        return assembler.jump(this.#label(instruction.label));
      case "jumpIf":
        return this.#jumpIf(instruction);
      case "moveIndex":
      case "addIndex":
      case "subtractIndex":
      case "multiplyIndex":
      case "shiftIndex":
      case "loadInt32":
        return this.#indexInstruction(instruction);
      case "storeInt32": {
        const from = this.#indexIn(instruction.from, indexScratch[1]);
        return assembler.storeInt32(this.#address(instruction.address), from);
      }
      case "store":
      case "storeFirst": {
        const from = this.#vectorIn(instruction.from, this.#vectorScratch[0]);
        const to = this.#address(instruction.address);
        return instruction.kind === "store"
          ? assembler.storeVector(to, from)
          : assembler.storeFirst(to, from);
      }
      default:
        return this.#vectorInstruction(instruction);
    }
  }

  #jumpIf({ relation, left, right, label }: Extract<Instruction, { kind: "jumpIf" }>): void {
    const assembler = this.#assembler;
    const first = this.#indexIn(left, indexScratch[0]);
    if (typeof right === "number") assembler.compareImmediate(first, right);
    else assembler.compare(first, this.#indexIn(right, indexScratch[1]));
    assembler.jumpIf(conditionCode[relation as Relation], this.#label(label));
  }

  #indexInstruction(
    instruction: Extract<
      Instruction,
      {
        kind:
          | "moveIndex"
          | "addIndex"
          | "subtractIndex"
          | "multiplyIndex"
          | "shiftIndex"
          | "loadInt32";
      }
    >,
  ): void {
    const assembler = this.#assembler;
    const { to } = instruction;
    const scratch = indexScratch[0];
    if (instruction.kind === "moveIndex") {
      const target = this.#indexTarget(to, scratch);
      const { from } = instruction;
      if (typeof from === "number") assembler.moveImmediate(target, from);
      else assembler.move(target, this.#indexIn(from, target));
      return this.#keepIndex(to, target);
    }
    if (instruction.kind === "loadInt32") {
      const target = this.#indexTarget(to, scratch);
      assembler.loadInt32(target, this.#address(instruction.address));
      return this.#keepIndex(to, target);
    }
    const target = this.#indexIn(to, scratch);
    if (instruction.kind === "shiftIndex") assembler.shiftLeft(target, instruction.bits);
    else this.#arithmetic(instruction.kind, target, instruction.from);
    this.#keepIndex(to, target);
  }

  #arithmetic(
    kind: "addIndex" | "subtractIndex" | "multiplyIndex",
    target: number,
    from: IndexInput,
  ): void {
    const assembler = this.#assembler;
    if (typeof from === "number") {
      if (kind === "multiplyIndex") assembler.multiplyImmediate(target, from);
      else assembler.addImmediate(target, kind === "addIndex" ? from : -from);
      return;
    }
    const source = this.#indexIn(from, indexScratch[1]);
    if (kind === "addIndex") assembler.add(target, source);
    else if (kind === "subtractIndex") assembler.subtract(target, source);
    else assembler.multiply(target, source);
  }

  #vectorInstruction(instruction: Instruction & { to: Virtual }): void {
    const { to } = instruction;
    const target = instruction.kind === "accumulate"
      ? this.#vectorIn(to, this.#vectorScratch[0])
      : this.#vectorTarget(to);
    this.#compute(instruction, target);
    this.#keepVector(to, target);
  }

  #compute(instruction: Instruction, target: number): void {
    const assembler = this.#assembler;
    const scratch = this.#vectorScratch[1];
    switch (instruction.kind) {
      case "moveVector":
        return this.#move(target, this.#operand(instruction.from));
      case "load":
        return assembler.vector2("move", target, this.#address(instruction.address));
      case "loadSplat":
        return assembler.vector2("broadcast", target, this.#address(instruction.address));
      case "binary": {
        const first = this.#vectorIn(instruction.first, scratch);
        return assembler.vector3(
          instruction.name,
          target,
          first,
          this.#operand(instruction.second),
        );
      }
      case "compare": {
        const first = this.#vectorIn(instruction.first, scratch);
        const second = this.#operand(instruction.second);
        const predicate = comparison[instruction.relation];
        return assembler.compareLanes(target, first, second, predicate);
      }
      case "unary": {
        const from = this.#operand(instruction.from);
        if (instruction.name !== "round") return assembler.vector2(instruction.name, target, from);
        return assembler.vectorImmediate("round", target, 0, from, nearest);
      }
      case "shiftLanes": {
        const from = this.#vectorIn(instruction.from, scratch);
        return instruction.isLeft
          ? assembler.integerShiftLeft(target, from, instruction.bits)
          : assembler.integerShiftRight(target, from, instruction.bits);
      }
      case "accumulate": {
        const first = this.#vectorIn(instruction.first, scratch);
        return assembler.vector3(
          instruction.name,
          target,
          first,
          this.#operand(instruction.second),
        );
      }
      case "select": {
        const mask = this.#vectorIn(instruction.mask, this.#vectorScratch[2]);
        const no = this.#vectorIn(instruction.no, scratch);
        return assembler.blend(target, no, this.#operand(instruction.yes), mask);
      }
      case "acrossLanes":
        return this.#acrossLanes(instruction, target);
      case "splatIndex": {
        const from = this.#indexIn(instruction.from, indexScratch[0]);
        assembler.convertFromInteger(target, from);
        return assembler.vector2("broadcast", target, inRegister(target));
      }
      default:
        throw new Error(`Cannot encode the instruction "${instruction.kind}"`);
    }
  }

  #move(target: number, from: Operand): void {
    if (from.kind === "register" && from.number === target) return;
    this.#assembler.vector2("move", target, from);
  }

  /** Halves are exchanged, then their halves, down to neighbours; the operation follows each. */
  #acrossLanes(
    { name, from, scratch }: Extract<Instruction, { kind: "acrossLanes" }>,
    target: number,
  ): void {
    const assembler = this.#assembler;
    const other = this.#placeOf(scratch).kind === "register"
      ? this.#vectorTarget(scratch)
      : this.#vectorScratch[2];
    const source = this.#vectorIn(from, this.#vectorScratch[1]);
    const exchanges = this.#lanes === 8
      ? [["swapHalves", 1]] as const
      : [["shuffleQuarters", exchangePairs], ["shuffleQuarters", exchangeNeighbours]] as const;
    let sum = source;
    for (
      const [exchange, immediate] of [
        ...exchanges,
        ["shuffle", exchangePairs] as const,
        ["shuffle", exchangeNeighbours] as const,
      ]
    ) {
      assembler.vectorImmediate(exchange, other, sum, inRegister(sum), immediate);
      assembler.vector3(name, target, sum, inRegister(other));
      sum = target;
    }
  }
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
  return new Encoder(linearize(kernel), lanes).finish();
}
