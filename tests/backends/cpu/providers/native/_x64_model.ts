/**
 * A model of an x86-64 processor with AVX-512 and AMX: decodes and executes machine code byte by byte.
 * It knows the instructions that our kernels use, in the forms in which our assembler writes them; anything
 * else throws. Integers are JavaScript numbers, which addresses and counts fit.
 */

import { TileUnit } from "./_tile_unit.ts";
import { Cursor, type Place } from "./_x64_cursor.ts";
import { codeStart, stackEnd, valuesStart, X64Memory } from "./_x64_memory.ts";
import { comparisons, VectorFile, vectorFunctions } from "./_x64_vectors.ts";

type Step = () => void;

const stackPointer = 4;
const firstParameter = 7;
/** Where a function returns to, which ends the call. */
const outside = 8;
/** Registers that a function must leave as they were: rbx, rsp, rbp, r12 to r15. */
const saved = [3, 4, 5, 12, 13, 14, 15];

const conditions: Readonly<Record<number, (difference: number) => boolean>> = {
  4: (difference) => difference === 0,
  5: (difference) => difference !== 0,
  12: (difference) => difference < 0,
  13: (difference) => difference >= 0,
  14: (difference) => difference <= 0,
  15: (difference) => difference > 0,
};

/** See the comment of the file. */
export class X64Model {
  readonly tiles = new TileUnit();
  readonly #vectors = new VectorFile();
  readonly #registers = new Float64Array(16);
  readonly #memory: X64Memory;
  #steps = new Map<number, Step>();
  #code = new Uint8Array();
  #next = 0;
  #difference = 0;

  /** @param memory the tensors' memory */
  constructor(memory: ArrayBufferLike) {
    this.#memory = new X64Memory(memory);
  }

  /** A function that takes the address of the memory, and its values. */
  load(code: Uint8Array): (...values: number[]) => void {
    const own = code.slice();
    const steps = new Map<number, Step>();
    return (...values) => {
      this.#code = own;
      this.#steps = steps;
      this.#memory.setValues(values);
      this.#memory.setCode(own.buffer);
      this.#run();
    };
  }

  #run(): void {
    const registers = this.#registers;
    // What is left in registers by others must not matter.
    this.#vectors.floats.fill(NaN);
    registers.forEach((_, number) => registers[number] = 1000 + number);
    registers[firstParameter] = valuesStart;
    registers[stackPointer] = stackEnd;
    const before = registers.slice();
    this.#push(outside);
    this.#next = codeStart;
    while (this.#next !== outside) {
      const address = this.#next;
      let step = this.#steps.get(address);
      if (step === undefined) this.#steps.set(address, step = this.#decode(address));
      step();
    }
    for (const number of saved) {
      if (registers[number] !== before[number]) throw new Error(`r${number} was not restored`);
    }
    if (this.tiles.isConfigured) throw new Error("The tiles were not released");
  }

  #push(value: number): void {
    this.#registers[stackPointer] -= 8;
    this.#memory.writeInteger(this.#registers[stackPointer], value);
  }

  #pop(): number {
    const value = this.#memory.readInteger(this.#registers[stackPointer]);
    this.#registers[stackPointer] += 8;
    return value;
  }

  // Decoding.

  #decode(address: number): Step {
    const cursor = new Cursor(this.#code, address - codeStart);
    const first = cursor.byte();
    switch (first) {
      case 0xc3:
        return () => this.#next = this.#pop();
      case 0xe9:
      case 0x0f: {
        const condition = first === 0xe9 ? () => true : conditions[cursor.byte() & 15];
        const distance = cursor.int32();
        const after = codeStart + cursor.place;
        return () => this.#next = condition(this.#difference) ? after + distance : after;
      }
      case 0x62:
        return this.#then(this.#decodeEvex(cursor), cursor);
      case 0xc4:
        return this.#then(this.#decodeTile(cursor), cursor);
      case 0xc5:
        if (cursor.byte() === 0xf8 && cursor.byte() === 0x77) return this.#then(() => {}, cursor);
    }
    if (first >> 4 === 4) return this.#then(this.#decodeInteger(first, cursor), cursor);
    throw new Error(`#UD: the byte ${first.toString(16)} at ${address - codeStart}`);
  }

  #then(step: Step, cursor: Cursor): Step {
    const after = codeStart + cursor.place;
    return () => {
      step();
      this.#next = after;
    };
  }

  #address({ base, index, offset }: Place, indexFactor = 1): number {
    return (base === null ? codeStart : this.#registers[base]) +
      (index === null ? 0 : this.#registers[index] * indexFactor) + offset;
  }

  #decodeInteger(rex: number, cursor: Cursor): Step {
    const registers = this.#registers;
    const [r, x, b] = [rex >> 2 & 1, rex >> 1 & 1, rex & 1];
    const opcode = cursor.byte();
    if (opcode >> 3 === 0x50 >> 3) return () => this.#push(registers[(opcode & 7) | b << 3]);
    if (opcode >> 3 === 0x58 >> 3) return () => registers[(opcode & 7) | b << 3] = this.#pop();
    const full = opcode === 0x0f ? 0x0f00 | cursor.byte() : opcode;
    const { reg: low, place } = cursor.modrm({ x, b }, full === 0xc1 ? 1 : isLong(full) ? 4 : 0);
    const reg = low | r << 3;
    const read = () =>
      place.register === null
        ? this.#memory.readInteger(this.#address(place))
        : registers[place.register];
    const write = (value: number) => {
      if (place.register === null) this.#memory.writeInteger(this.#address(place), value);
      else registers[place.register] = value;
    };
    switch (full) {
      case 0x89:
        return () => write(registers[reg]);
      case 0x8b:
        return () => registers[reg] = read();
      case 0x63:
        return () => registers[reg] = this.#memory.int32(this.#address(place));
      case 0x01:
        return () => write(read() + registers[reg]);
      case 0x29:
        return () => write(read() - registers[reg]);
      case 0x39:
        return () => this.#difference = read() - registers[reg];
      case 0x0faf:
        return () => registers[reg] *= read();
      case 0xc1: {
        const factor = 2 ** cursor.byte();
        return () => write(read() * factor);
      }
    }
    const immediate = isLong(full) ? cursor.int32() : 0;
    if (full === 0xc7) return () => write(immediate);
    if (full === 0x69) return () => registers[reg] = read() * immediate;
    if (full === 0x81 && low === 0) return () => write(read() + immediate);
    if (full === 0x81 && low === 7) return () => this.#difference = read() - immediate;
    throw new Error(`#UD: the integer instruction ${full.toString(16)}`);
  }

  /** VEX only ever stands before tile instructions here. */
  #decodeTile(cursor: Cursor): Step {
    const [one, two] = [cursor.byte(), cursor.byte()];
    const opcode = cursor.byte();
    const extensions = { x: ~one >> 6 & 1, b: ~one >> 5 & 1 };
    const { reg, place } = cursor.modrm(extensions, 0);
    const key = `${one & 31}.${two & 3}.${opcode.toString(16)}`;
    if ((two & 0x84) !== 0) throw new Error(`#UD: ${key} with W or L`);
    const tile = reg | (~one >> 4 & 8);
    const right = ~two >> 3 & 15;
    const isAddress = place.register === null;
    const row = () => [this.#address(place, 0), this.#registers[place.index!]] as const;
    switch (`${key}${isAddress ? "m" : "r"}`) {
      case "2.0.49m":
        return () => this.tiles.configure(this.#memory.bytes(this.#address(place), 64));
      case "2.1.49m":
        return () => this.#memory.bytes(this.#address(place), 64).set(this.tiles.configuration());
      case "2.0.49r":
        return () => this.tiles.release();
      case "2.3.49r":
        return () => this.tiles.zero(tile);
      case "2.3.4bm":
      case "2.1.4bm":
        return () => this.tiles.load(tile, ...row(), this.#memory);
      case "2.2.4bm":
        return () => this.tiles.store(tile, ...row(), this.#memory);
      case "2.2.5cr":
        return () => this.tiles.multiply(tile, place.register!, right);
    }
    throw new Error(`#UD: the instruction ${key} under VEX`);
  }

  #decodeEvex(cursor: Cursor): Step {
    const [zero, one, two] = [cursor.byte(), cursor.byte(), cursor.byte()];
    const opcode = cursor.byte();
    const key = `${zero & 7}.${one & 3}.${opcode.toString(16).padStart(2, "0")}`;
    const hasImmediate = (zero & 7) === 3 || ["1.1.72", "1.0.c6", "1.0.c2"].includes(key);
    const [x, b] = [~zero >> 6 & 1, ~zero >> 5 & 1];
    const { reg: low, place: { register, ...rest } } = cursor.modrm({ x, b }, Number(hasImmediate));
    const place = { ...rest, register: register === null ? null : register | x << 4 };
    const immediate = hasImmediate ? cursor.byte() : 0;
    const reg = low | (~zero >> 4 & 8) | (~zero & 16);
    const second = (~one >> 3 & 15) | (~two << 1 & 16);
    const mask = two & 7;
    return this.#vector({ key, reg, low, second, place, mask, immediate, isWide: one >> 7 === 1 });
  }

  // Vector instructions.

  #vector({ key, reg, low, second, place, mask, immediate, isWide }: VectorInstruction): Step {
    const { floats, integers, bytes, masks } = this.#vectors;
    const vector = (number: number) => floats.subarray(16 * number, 16 * number + 16);
    const set = (source: Float32Array) =>
      bytes.set(new Uint8Array(source.buffer, source.byteOffset, 64), 64 * reg);
    const rm = (): Float32Array => {
      if (place.register !== null) return vector(place.register);
      const copy = this.#memory.bytes(this.#address(place), 64).slice();
      return new Float32Array(copy.buffer);
    };
    const store = (isStored: (lane: number) => boolean, from = 0, count = 16) => {
      for (let lane = 0; lane < count; lane++) {
        if (!isStored(lane)) continue;
        const address = this.#address(place) + 4 * lane;
        this.#memory.setInt32(address, integers[16 * reg + from + lane]);
      }
    };
    const laneOfMask = (lane: number) => mask === 0 || (masks[mask] >> lane & 1) === 1;
    const toMask = (holds: (lane: number) => boolean) => {
      masks[reg] = 0;
      for (let lane = 0; lane < 16; lane++) if (holds(lane)) masks[reg] |= 1 << lane;
    };
    switch (key) {
      case "1.0.10":
        return () => set(rm());
      case "1.0.11":
        return () => store(laneOfMask);
      case "1.0.2b":
        return () => {
          if (this.#address(place) % 64 !== 0) {
            throw new Error("#GP: an address that is not aligned");
          }
          store(() => true);
        };
      case "1.2.11":
        return () => store(() => true, 0, 1);
      case "3.1.19":
        return () => store(() => true, 4 * immediate, 4);
      case "2.1.18":
        return () => {
          const bits = place.register === null
            ? this.#memory.int32(this.#address(place))
            : integers[16 * place.register];
          integers.fill(bits, 16 * reg, 16 * reg + 16);
        };
      case "1.3.2c":
        if (!isWide) break;
        return () => this.#registers[reg] = Math.trunc(this.#memory.float64(this.#address(place)));
      case "1.2.2a":
        return () => floats[16 * reg] = this.#registers[place.register!];
      case "1.3.5a":
        return () => floats[16 * reg] = this.#memory.float64(this.#address(place));
      case "1.0.c2":
        return () => {
          const [a, b, holds] = [vector(second), rm(), comparisons[immediate]];
          toMask((lane) => holds(a[lane], b[lane]));
        };
      case "2.2.38":
        return () => {
          for (let lane = 0; lane < 16; lane++) {
            integers[16 * reg + lane] = -(masks[place.register!] >> lane & 1);
          }
        };
      case "2.2.39":
        return () => toMask((lane) => integers[16 * place.register! + lane] < 0);
      case "2.1.65":
        return () => {
          const [no, yes] = [vector(second), rm()].map((source) =>
            new Int32Array(source.slice().buffer)
          );
          for (let lane = 0; lane < 16; lane++) {
            integers[16 * reg + lane] = laneOfMask(lane) ? yes[lane] : no[lane];
          }
        };
    }
    const isGroup = key === "1.1.72";
    const operation = vectorFunctions[isGroup ? `${key}/${low}` : key];
    if (operation === undefined || mask !== 0) throw new Error(`#UD: ${key} under EVEX`);
    // Of the shifts, V is the target.
    if (isGroup) reg = second;
    return () => {
      const operands = { first: vector(second), second: rm(), before: vector(reg) };
      set(operation({ ...operands, immediate }));
    };
  }
}

interface VectorInstruction {
  key: string;
  reg: number;
  low: number;
  second: number;
  place: Place;
  mask: number;
  immediate: number;
  isWide: boolean;
}

/** Integer instructions with an immediate of four bytes. */
function isLong(opcode: number): boolean {
  return [0xc7, 0x69, 0x81].includes(opcode);
}
