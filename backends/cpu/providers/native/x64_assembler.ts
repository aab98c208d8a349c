/**
 * Bytes of the x86-64 instructions that the kernels use: 64-bit integers, and float32 vectors of 8
 * lanes (AVX2 and FMA, VEX prefix) or 16 (AVX-512 F and DQ, EVEX prefix).
 *
 * Memory operands are relative to the tensors' memory ({@link memoryBase} + register), to the stack,
 * or to the instruction pointer for constants. Displacements are always 32 bits wide.
 *
 * @module
 */

/** General registers by their numbers. */
export const register = {
  rax: 0,
  rcx: 1,
  rdx: 2,
  rbx: 3,
  rsp: 4,
  rbp: 5,
  rsi: 6,
  rdi: 7,
  r8: 8,
  r9: 9,
  r10: 10,
  r11: 11,
  r12: 12,
  r13: 13,
  r14: 14,
  r15: 15,
} as const;

/** Holds the address of the tensors' memory throughout a kernel. */
export const memoryBase = register.r15;

/** Where an instruction reads or writes. */
export type Operand =
  | { kind: "register"; number: number }
  /** Base + index + offset; without an index, base + offset. */
  | { kind: "memory"; base: number; index: number | null; offset: number }
  /** Bytes in the constant pool behind the code. */
  | { kind: "pool"; offset: number };

export function inRegister(number: number): Operand {
  return { kind: "register", number };
}

/** What an opcode of the vector extensions needs besides its operands. */
interface VectorOpcode {
  /** 1: 0F, 2: 0F 38, 3: 0F 3A. */
  map: 1 | 2 | 3;
  /** 0: none, 1: 66, 2: F3, 3: F2. */
  prefix: 0 | 1 | 2 | 3;
  opcode: number;
  wide?: boolean;
}

const vector = (map: 1 | 2 | 3, prefix: 0 | 1 | 2 | 3, opcode: number): VectorOpcode => ({
  map,
  prefix,
  opcode,
});

/** destination, first source, second source (register or memory). */
export const threeOperand = {
  add: vector(1, 0, 0x58),
  multiply: vector(1, 0, 0x59),
  subtract: vector(1, 0, 0x5c),
  minimum: vector(1, 0, 0x5d),
  divide: vector(1, 0, 0x5e),
  maximum: vector(1, 0, 0x5f),
  and: vector(1, 0, 0x54),
  or: vector(1, 0, 0x56),
  xor: vector(1, 0, 0x57),
  integerAdd: vector(1, 1, 0xfe),
  /** destination += first·second. */
  multiplyAdd: vector(2, 1, 0xb8),
  /** destination −= first·second. */
  multiplySubtract: vector(2, 1, 0xbc),
  /** destination += first·second, both products of each pair of bfloat16; 16 lanes only. */
  dotPairs: vector(2, 2, 0x52),
} as const;

/** destination, source (register or memory). */
export const twoOperand = {
  move: vector(1, 0, 0x10),
  broadcast: vector(2, 1, 0x18),
  squareRoot: vector(1, 0, 0x51),
  toInteger: vector(1, 1, 0x5b),
} as const;

/** destination, first source, second source, immediate. */
export const withImmediate = {
  compare: vector(1, 0, 0xc2),
  shuffle: vector(1, 0, 0xc6),
  /** Quarters of both sources, of 16 lanes only. */
  shuffleQuarters: vector(3, 1, 0x23),
  swapHalves: vector(3, 1, 0x06),
  round: vector(3, 1, 0x08),
} as const;

/** With 8 lanes a mask is a vector whose lanes are all ones or all zeros. */
const blendByVector = vector(3, 1, 0x4a);
/** With 16 lanes comparisons give a mask register, which these turn into such a vector and back. */
const vectorFromMask = vector(2, 2, 0x38);
const maskFromVector = vector(2, 2, 0x39);
const blendByMask = vector(2, 1, 0x65);
/** The mask register that all of these use. */
const maskRegister = 1;

export const conditionCode = {
  equal: 4,
  notEqual: 5,
  less: 12,
  notLess: 13,
  lessEqual: 14,
  greater: 15,
};

type ThreeOperandName = keyof typeof threeOperand;
type TwoOperandName = keyof typeof twoOperand;
type ImmediateName = keyof typeof withImmediate;

/** An index register of this number means none, and a base of it needs the longer form. */
const withoutIndex = 4;

/** A place in the code that is known later. */
export interface Label {
  position: number | null;
  readonly uses: number[];
}

/** float32 lanes of a vector register. */
export type Lanes = 8 | 16;

/** Collects the code of one function and the constants behind it. */
export class X64Assembler {
  readonly #lanes: Lanes;
  readonly #code: number[] = [];
  readonly #pool: number[] = [];
  readonly #poolPlaces = new Map<string, number>();
  readonly #poolUses: { position: number; end: number; offset: number }[] = [];

  constructor(lanes: Lanes) {
    this.#lanes = lanes;
  }

  // Integers.

  move(to: number, from: number): void {
    if (to !== from) this.#integer(0x89, from, inRegister(to));
  }

  moveImmediate(to: number, value: number): void {
    this.#integer(0xc7, 0, inRegister(to));
    this.#int32(value);
  }

  loadInteger(to: number, from: Operand): void {
    this.#integer(0x8b, to, from);
  }

  storeInteger(to: Operand, from: number): void {
    this.#integer(0x89, from, to);
  }

  /** Sign-extends an int32 in memory. */
  loadInt32(to: number, from: Operand): void {
    this.#integer(0x63, to, from);
  }

  storeInt32(to: Operand, from: number): void {
    this.#integer(0x89, from, to, { wide: false });
  }

  add(to: number, from: number): void {
    this.#integer(0x01, from, inRegister(to));
  }

  addImmediate(to: number, value: number): void {
    this.#integer(0x81, 0, inRegister(to));
    this.#int32(value);
  }

  subtract(to: number, from: number): void {
    this.#integer(0x29, from, inRegister(to));
  }

  multiply(to: number, from: number): void {
    this.#integer([0x0f, 0xaf], to, inRegister(from));
  }

  multiplyImmediate(to: number, value: number): void {
    this.#integer(0x69, to, inRegister(to));
    this.#int32(value);
  }

  shiftLeft(to: number, bits: number): void {
    this.#integer(0xc1, 4, inRegister(to));
    this.#code.push(bits);
  }

  compare(left: number, right: number): void {
    this.#integer(0x39, right, inRegister(left));
  }

  compareImmediate(left: number, value: number): void {
    this.#integer(0x81, 7, inRegister(left));
    this.#int32(value);
  }

  push(number: number): void {
    if (number >= 8) this.#code.push(0x41);
    this.#code.push(0x50 | (number & 7));
  }

  pop(number: number): void {
    if (number >= 8) this.#code.push(0x41);
    this.#code.push(0x58 | (number & 7));
  }

  // Control flow.

  label(): Label {
    return { position: null, uses: [] };
  }

  bind(label: Label): void {
    label.position = this.#code.length;
    for (const use of label.uses) this.#patch(use, label.position - use - 4);
  }

  jump(label: Label): void {
    this.#code.push(0xe9);
    this.#jumpTarget(label);
  }

  jumpIf(condition: number, label: Label): void {
    this.#code.push(0x0f, 0x80 | condition);
    this.#jumpTarget(label);
  }

  /** Leaves no upper halves of vector registers behind, which would slow other code down. */
  returnFromVectors(): void {
    this.#code.push(0xc5, 0xf8, 0x77);
  }

  return(): void {
    this.#code.push(0xc3);
  }

  // Vectors.

  vector3(name: ThreeOperandName, to: number, first: number, second: Operand): void {
    this.#vector(threeOperand[name], to, first, second);
  }

  vector2(name: TwoOperandName, to: number, from: Operand): void {
    this.#vector(twoOperand[name], to, 0, from);
  }

  /** `first` is ignored by `round`, which has one source. */
  vectorImmediate(
    name: ImmediateName,
    to: number,
    first: number,
    second: Operand,
    immediate: number,
  ): void {
    this.#vector(withImmediate[name], to, first, second, { immediate });
  }

  /** All bits of the lanes for which `predicate` holds, none of the others. */
  compareLanes(to: number, first: number, second: Operand, predicate: number): void {
    const isMask = this.#lanes === 16;
    const { compare } = withImmediate;
    this.#vector(compare, isMask ? maskRegister : to, first, second, { immediate: predicate });
    if (isMask) this.#vector(vectorFromMask, to, 0, inRegister(maskRegister));
  }

  /** Lanes of `yes` where `mask` has its sign bit, of `no` elsewhere. */
  blend(to: number, no: number, yes: Operand, mask: number): void {
    if (this.#lanes === 8) {
      return this.#vector(blendByVector, to, no, yes, { immediate: mask << 4 });
    }
    this.#vector(maskFromVector, maskRegister, 0, inRegister(mask));
    this.#vector(blendByMask, to, no, yes, { mask: maskRegister });
  }

  integerShiftLeft(to: number, from: number, bits: number): void {
    this.#vector(vector(1, 1, 0x72), 6, to, inRegister(from), { immediate: bits });
  }

  integerShiftRight(to: number, from: number, bits: number): void {
    this.#vector(vector(1, 1, 0x72), 2, to, inRegister(from), { immediate: bits });
  }

  storeVector(to: Operand, from: number): void {
    this.#vector(vector(1, 0, 0x11), from, 0, to);
  }

  storeFirst(to: Operand, from: number): void {
    this.#vector(vector(1, 2, 0x11), from, 0, to, { isScalar: true });
  }

  /** A float64 in memory as an integer. */
  convertToInteger(to: number, from: Operand): void {
    this.#vector({ ...vector(1, 3, 0x2c), wide: true }, to, 0, from, { isScalar: true });
  }

  /** An integer as the float32 of the first lane. */
  convertFromInteger(to: number, from: number): void {
    const opcode = { ...vector(1, 2, 0x2a), wide: true };
    this.#vector(opcode, to, to, inRegister(from), { isScalar: true });
  }

  /** A float64 in memory as the float32 of the first lane. */
  narrow(to: number, from: Operand): void {
    const opcode = { ...vector(1, 3, 0x5a), wide: this.#lanes === 16 };
    this.#vector(opcode, to, to, from, { isScalar: true });
  }

  /** The place of a vector's constant bytes in the pool. */
  constant(bytes: readonly number[]): Operand {
    const key = bytes.join();
    let offset = this.#poolPlaces.get(key);
    if (offset === undefined) {
      offset = this.#pool.length;
      this.#pool.push(...bytes);
      this.#poolPlaces.set(key, offset);
    }
    return { kind: "pool", offset };
  }

  /** The code, with its constants aligned behind it. */
  finish(): Uint8Array<ArrayBuffer> {
    const alignment = this.#lanes * 4;
    const poolStart = Math.ceil(this.#code.length / alignment) * alignment;
    for (const { position, end, offset } of this.#poolUses) {
      this.#patch(position, poolStart + offset - end);
    }
    const padding = new Array(poolStart - this.#code.length).fill(0xcc);
    return new Uint8Array([...this.#code, ...padding, ...this.#pool]);
  }

  #int32(value: number): void {
    this.#code.push(value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255);
  }

  #patch(position: number, value: number): void {
    for (let byte = 0; byte < 4; byte++) this.#code[position + byte] = (value >> (8 * byte)) & 255;
  }

  #jumpTarget(label: Label): void {
    const position = this.#code.length;
    this.#int32(0);
    if (label.position === null) label.uses.push(position);
    else this.#patch(position, label.position - position - 4);
  }

  /** REX, opcode and operands; `field` is the register or the opcode's extension. */
  #integer(
    opcode: number | readonly number[],
    field: number,
    operand: Operand,
    { wide = true } = {},
  ): void {
    const { x, b } = extensions(operand);
    this.#code.push(0x40 | (wide ? 8 : 0) | ((field >> 3) << 2) | (x << 1) | b);
    this.#code.push(...(typeof opcode === "number" ? [opcode] : opcode));
    this.#operands(field, operand, 0);
  }

  /** Prefix, opcode, operands and immediate of a vector instruction. */
  #vector(
    opcode: VectorOpcode,
    field: number,
    first: number,
    second: Operand,
    options: { isScalar?: boolean; immediate?: number; mask?: number } = {},
  ): void {
    const { isScalar = false, immediate, mask = 0 } = options;
    if (this.#lanes === 8) this.#vexPrefix(opcode, field, first, second, isScalar);
    else this.#evexPrefix(opcode, field, first, second, isScalar ? 0 : mask | wholeVector);
    this.#code.push(opcode.opcode);
    this.#operands(field, second, immediate === undefined ? 0 : 1);
    if (immediate !== undefined) this.#code.push(immediate);
  }

  /** Three bytes, in which the extension bits and the first source are inverted. */
  #vexPrefix(
    { map, prefix, wide }: VectorOpcode,
    field: number,
    first: number,
    second: Operand,
    isScalar: boolean,
  ): void {
    const { x, b } = extensions(second);
    this.#code.push(
      0xc4,
      inverted(field, 3) << 7 | (x ^ 1) << 6 | (b ^ 1) << 5 | map,
      (wide ? 0x80 : 0) | (~first & 15) << 3 | (isScalar ? 0 : 4) | prefix,
    );
  }

  /** Four bytes; a fifth bit of each register's number, the length and a mask come in. */
  #evexPrefix(
    { map, prefix, wide }: VectorOpcode,
    field: number,
    first: number,
    second: Operand,
    lengthAndMask: number,
  ): void {
    const { x, b } = extensions(second);
    // A register has no index, whose bit holds its fifth one.
    const high = second.kind === "register" ? inverted(second.number, 4) : x ^ 1;
    this.#code.push(
      0x62,
      inverted(field, 3) << 7 | high << 6 | (b ^ 1) << 5 | inverted(field, 4) << 4 | map,
      (wide ? 0x80 : 0) | (~first & 15) << 3 | 4 | prefix,
      lengthAndMask | inverted(first, 4) << 3,
    );
  }

  /** ModRM, SIB and displacement; `trailing` bytes of the instruction follow. */
  #operands(field: number, operand: Operand, trailing: number): void {
    const reg = (field & 7) << 3;
    if (operand.kind === "register") {
      this.#code.push(0xc0 | reg | (operand.number & 7));
    } else if (operand.kind === "pool") {
      this.#code.push(reg | 5);
      const position = this.#code.length;
      this.#int32(0);
      this.#poolUses.push({ position, end: position + 4 + trailing, offset: operand.offset });
    } else if (operand.index === null && (operand.base & 7) !== withoutIndex) {
      this.#code.push(0x80 | reg | (operand.base & 7));
      this.#int32(operand.offset);
    } else {
      const index = operand.index ?? withoutIndex;
      this.#code.push(0x80 | reg | 4, ((index & 7) << 3) | (operand.base & 7));
      this.#int32(operand.offset);
    }
  }
}

/** EVEX: 16 lanes. */
const wholeVector = 0x40;

function inverted(number: number, bit: number): number {
  return ((number >> bit) & 1) ^ 1;
}

/** The fourth bits of an operand's registers. */
function extensions(operand: Operand): { x: number; b: number } {
  if (operand.kind === "register") return { x: 0, b: (operand.number >> 3) & 1 };
  if (operand.kind === "pool") return { x: 0, b: 0 };
  return { x: (operand.index ?? 0) >> 3, b: operand.base >> 3 };
}
