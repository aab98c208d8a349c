/** Reads machine code, for the model of the processor. */

/** ModRM's operands: a register, or an address. */
export interface Place {
  readonly register: number | null;
  readonly base: number | null;
  readonly index: number | null;
  readonly offset: number;
}

/** Reads the bytes of one instruction. */
export class Cursor {
  place: number;
  readonly #code: Uint8Array;

  constructor(code: Uint8Array, place: number) {
    this.#code = code;
    this.place = place;
  }

  byte(): number {
    return this.#code[this.place++];
  }

  int32(): number {
    const bytes = [this.byte(), this.byte(), this.byte(), this.byte()];
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | bytes[3] << 24;
  }

  /** `trailing` bytes of the instruction follow, which an offset from its end counts. */
  modrm({ x, b }: { x: number; b: number }, trailing: number): { reg: number; place: Place } {
    const modrm = this.byte();
    const [mode, reg, rm] = [modrm >> 6, modrm >> 3 & 7, modrm & 7];
    const none = { register: null, index: null };
    if (mode === 3) {
      return { reg, place: { ...none, register: rm | b << 3, base: null, offset: 0 } };
    }
    if (mode === 0 && rm === 5) {
      const offset = this.int32() + this.place + trailing;
      return { reg, place: { ...none, base: null, offset } };
    }
    if (mode !== 2) throw new Error(`#UD: the addressing mode ${mode}`);
    if (rm !== 4) return { reg, place: { ...none, base: rm | b << 3, offset: this.int32() } };
    const sib = this.byte();
    if (sib >> 6 !== 0) throw new Error("#UD: a scaled index");
    const index = (sib >> 3 & 7) | x << 3;
    const base = (sib & 7) | b << 3;
    return {
      reg,
      place: { register: null, base, index: index === 4 ? null : index, offset: this.int32() },
    };
  }
}
