/**
 * Bytes of x86-64 instructions, from their forms.
 *
 * Vector instructions take the prefix VEX (AVX2, 32 bytes) or EVEX (AVX-512, 64 bytes) throughout, tile
 * instructions always VEX.
 * Memory operands always have a 32-bit displacement, and prefixes their longest form: this is simpler,
 * and the code is small anyway.
 *
 * @module
 */

import { type Form, formOf, type Mnemonic } from "./x64_instructions.ts";

const legacyNames = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi"] as const;
const newNames = ["r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"] as const;
const names = [...legacyNames, ...newNames];

/** General registers by their numbers. */
export const register = Object.fromEntries(
  names.map((name, number) => [name, number]),
) as Record<(typeof names)[number], number>;

/** What an instruction works on; a number is an immediate. */
export type Operand =
  | { kind: "register"; number: number }
  /** Base + index + offset; without an index, base + offset. */
  | { kind: "memory"; base: number; index: number | null; offset: number }
  /** Bytes in the constant pool behind the code. */
  | { kind: "pool"; offset: number }
  | number;

export function inRegister(number: number): Operand {
  return { kind: "register", number };
}

export function inMemory(base: number, offset: number, index: number | null = null): Operand {
  return { kind: "memory", base, index, offset };
}

/** Conditions of jumps, for signed numbers. */
const conditionCode = { e: 4, ne: 5, l: 12, ge: 13, le: 14, g: 15 };
export type JumpCondition = keyof typeof conditionCode;

/** An index register of this number means none, and a base of it needs the longer form. */
const withoutIndex = 4;

/** Bytes rounded up to cache lines. */
function wholeLines(bytes: number): number {
  return Math.ceil(bytes / 64) * 64;
}

function int32(value: number): Uint8Array {
  return new Uint8Array(new Int32Array([value]).buffer);
}

function kindOf(operand: Operand): "register" | "memory" | "immediate" {
  if (typeof operand === "number") return "immediate";
  return operand.kind === "register" ? "register" : "memory";
}

/** The operands of an instruction by the fields of its encoding; what is missing is zero. */
interface Fields {
  reg: number;
  rm: Operand;
  vvvv: number;
  mask: number;
  immediate: number;
}

function fieldsOf(form: Form, operands: readonly Operand[]): Fields {
  const at = (letter: string) => operands[form.operands.indexOf(letter)];
  const number = (letter: string) => {
    const operand = at(letter);
    return typeof operand === "object" && operand.kind === "register" ? operand.number : 0;
  };
  return {
    reg: form.extension ?? number("R"),
    rm: at("M") ?? at("U") ?? inRegister(0),
    vvvv: number("V"),
    mask: number("K"),
    immediate: form.operands.includes("S") ? number("S") << 4 : at("i") as number,
  };
}

/** The fourth and fifth bits of the registers in ModRM.rm and SIB. */
function extensions(operand: Operand): { x: number; b: number } {
  if (typeof operand === "number" || operand.kind === "pool") return { x: 0, b: 0 };
  if (operand.kind === "register") return { x: operand.number >> 4, b: (operand.number >> 3) & 1 };
  return { x: (operand.index ?? 0) >> 3, b: operand.base >> 3 };
}

/** Collects the code of one function and the constants behind it. */
export class X64Assembler {
  readonly #vectorBytes: 32 | 64;
  readonly #code: number[] = [];
  readonly #pool: number[] = [];
  readonly #poolPlaces = new Map<string, number>();
  readonly #poolUses: { position: number; end: number; offset: number }[] = [];
  readonly #labels = new Map<number, number>();
  readonly #jumps: { position: number; label: number }[] = [];

  constructor(vectorBytes: 32 | 64) {
    this.#vectorBytes = vectorBytes;
  }

  /** Adds an instruction; the destination comes first. */
  emit(name: Mnemonic, ...operands: readonly Operand[]): void {
    const form = formOf(name, operands.map(kindOf));
    const fields = fieldsOf(form, operands);
    if (!form.isVector && !form.isTile) this.#rex(form, fields);
    else if (form.isTile || this.#vectorBytes === 32) this.#vex(form, fields);
    else this.#evex(form, fields);
    this.#code.push(form.opcode);
    const trailing = form.operands.includes("S") ? 1 : form.immediateBytes;
    this.#operands(fields.reg, fields.rm, trailing);
    if (trailing === 1) this.#code.push(fields.immediate);
    else if (trailing === 4) this.#code.push(...int32(fields.immediate));
  }

  push(number: number): void {
    this.#code.push(0x40 | (number >> 3), 0x50 | (number & 7));
  }

  pop(number: number): void {
    this.#code.push(0x40 | (number >> 3), 0x58 | (number & 7));
  }

  /** Leaves no upper halves of vector registers behind, which would slow other code down. */
  vzeroupper(): void {
    this.#code.push(0xc5, 0xf8, 0x77);
  }

  ret(): void {
    this.#code.push(0xc3);
  }

  /** Marks this place with a number of the caller's, for jumps before and after it. */
  bind(label: number): void {
    this.#labels.set(label, this.#code.length);
  }

  jump(condition: JumpCondition | "always", label: number): void {
    if (condition === "always") this.#code.push(0xe9);
    else this.#code.push(0x0f, 0x80 | conditionCode[condition]);
    this.#jumps.push({ position: this.#code.length, label });
    this.#code.push(...int32(0));
  }

  /** The place in the pool of a vector's constant bytes. */
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

  /** The code, followed by its aligned constants; whole cache lines. */
  finish(): Uint8Array<ArrayBuffer> {
    for (const { position, label } of this.#jumps) {
      this.#patch(position, this.#labels.get(label)! - position - 4);
    }
    const poolStart = wholeLines(this.#code.length);
    for (const { position, end, offset } of this.#poolUses) {
      this.#patch(position, poolStart + offset - end);
    }
    const all = new Uint8Array(wholeLines(poolStart + this.#pool.length)).fill(0xcc);
    all.set(this.#code);
    all.set(this.#pool, poolStart);
    return all;
  }

  #patch(position: number, value: number): void {
    this.#code.splice(position, 4, ...int32(value));
  }

  #rex({ isWide, map }: Form, { reg, rm }: Fields): void {
    const { x, b } = extensions(rm);
    this.#code.push(0x40 | (isWide ? 8 : 0) | ((reg >> 3) << 2) | (x << 1) | b);
    if (map === 1) this.#code.push(0x0f);
  }

  /** 3 bytes: C4, R̅X̅B̅·map, W·v̅v̅v̅v̅·L·prefix. */
  #vex({ map, prefix, isWide, isScalar, isTile }: Form, { reg, rm, vvvv }: Fields): void {
    const { x, b } = extensions(rm);
    this.#code.push(
      0xc4,
      ((~(reg >> 3) & 1) << 7) | ((~x & 1) << 6) | ((~b & 1) << 5) | map,
      (isWide ? 0x80 : 0) | ((~vvvv & 15) << 3) | (isScalar || isTile ? 0 : 4) | prefix,
    );
  }

  /** 4 bytes: 62, R̅X̅B̅R̅′·map, W·v̅v̅v̅v̅·1·prefix, z·LL·b·V̅′·mask. */
  #evex({ map, prefix, isWideUnderEvex, isScalar }: Form, fields: Fields): void {
    const { reg, rm, vvvv, mask } = fields;
    const { x, b } = extensions(rm);
    this.#code.push(
      0x62,
      ((~(reg >> 3) & 1) << 7) | ((~x & 1) << 6) | ((~b & 1) << 5) | ((~(reg >> 4) & 1) << 4) | map,
      (isWideUnderEvex ? 0x80 : 0) | ((~vvvv & 15) << 3) | 4 | prefix,
      (isScalar ? 0 : 0x40) | ((~(vvvv >> 4) & 1) << 3) | mask,
    );
  }

  /** ModRM, SIB and displacement; `trailing` bytes of the instruction follow. */
  #operands(field: number, operand: Operand, trailing: number): void {
    const reg = (field & 7) << 3;
    if (typeof operand === "number" || operand.kind === "register") {
      this.#code.push(0xc0 | reg | ((operand as { number: number }).number & 7));
    } else if (operand.kind === "pool") {
      this.#code.push(reg | 5);
      const position = this.#code.length;
      this.#code.push(...int32(0));
      this.#poolUses.push({ position, end: position + 4 + trailing, offset: operand.offset });
    } else if (operand.index === null && (operand.base & 7) !== withoutIndex) {
      this.#code.push(0x80 | reg | (operand.base & 7));
      this.#code.push(...int32(operand.offset));
    } else {
      const index = operand.index ?? withoutIndex;
      this.#code.push(0x80 | reg | 4, ((index & 7) << 3) | (operand.base & 7));
      this.#code.push(...int32(operand.offset));
    }
  }
}
