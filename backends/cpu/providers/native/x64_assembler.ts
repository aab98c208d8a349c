/**
 * Bytes of the x86-64 instructions that the kernels use: 64-bit integers, and AVX2 + FMA on float32.
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
  swapHalves: vector(3, 1, 0x06),
  round: vector(3, 1, 0x08),
  blend: vector(3, 1, 0x4a),
} as const;

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

/** Collects the code of one function and the constants behind it. */
export class X64Assembler {
  readonly #code: number[] = [];
  readonly #pool: number[] = [];
  readonly #poolPlaces = new Map<string, number>();
  readonly #poolUses: { position: number; end: number; offset: number }[] = [];

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
    this.#vex(threeOperand[name], to, first, second);
  }

  vector2(name: TwoOperandName, to: number, from: Operand): void {
    this.#vex(twoOperand[name], to, 0, from);
  }

  /** `first` is ignored by `round`, which has one source. */
  vectorImmediate(
    name: ImmediateName,
    to: number,
    first: number,
    second: Operand,
    immediate: number,
  ): void {
    this.#vex(withImmediate[name], to, first, second, { trailing: 1 });
    this.#code.push(immediate);
  }

  /** Lanes of `yes` where `mask` has its sign bit, of `no` elsewhere. */
  blend(to: number, no: number, yes: Operand, mask: number): void {
    this.vectorImmediate("blend", to, no, yes, mask << 4);
  }

  integerShiftLeft(to: number, from: number, bits: number): void {
    this.#vex(vector(1, 1, 0x72), 6, to, inRegister(from), { trailing: 1 });
    this.#code.push(bits);
  }

  storeVector(to: Operand, from: number): void {
    this.#vex(vector(1, 0, 0x11), from, 0, to);
  }

  storeFirst(to: Operand, from: number): void {
    this.#vex(vector(1, 2, 0x11), from, 0, to, { isScalar: true });
  }

  /** A float64 in memory as an integer. */
  convertToInteger(to: number, from: Operand): void {
    this.#vex({ ...vector(1, 3, 0x2c), wide: true }, to, 0, from, { isScalar: true });
  }

  /** An integer as the float32 of the first lane. */
  convertFromInteger(to: number, from: number): void {
    this.#vex({ ...vector(1, 2, 0x2a), wide: true }, to, to, inRegister(from), { isScalar: true });
  }

  /** A float64 in memory as the float32 of the first lane. */
  narrow(to: number, from: Operand): void {
    this.#vex(vector(1, 3, 0x5a), to, to, from, { isScalar: true });
  }

  /** The place of 32 constant bytes in the pool. */
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
    const poolStart = Math.ceil(this.#code.length / 32) * 32;
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

  /** The three-byte VEX prefix, in which the extension bits and the first source are inverted. */
  #vex(
    { map, prefix, opcode, wide }: VectorOpcode,
    field: number,
    first: number,
    second: Operand,
    { isScalar = false, trailing = 0 } = {},
  ): void {
    const { x, b } = extensions(second);
    const inverted = (bit: number) => bit ^ 1;
    this.#code.push(
      0xc4,
      (inverted(field >> 3) << 7) | (inverted(x) << 6) | (inverted(b) << 5) | map,
      (wide ? 0x80 : 0) | ((~first & 15) << 3) | (isScalar ? 0 : 4) | prefix,
      opcode,
    );
    this.#operands(field, second, trailing);
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

/** The fourth bits of an operand's registers. */
function extensions(operand: Operand): { x: number; b: number } {
  if (operand.kind === "register") return { x: 0, b: operand.number >> 3 };
  if (operand.kind === "pool") return { x: 0, b: 0 };
  return { x: (operand.index ?? 0) >> 3, b: operand.base >> 3 };
}
