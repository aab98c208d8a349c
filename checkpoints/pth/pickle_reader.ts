/**
 * A restricted reader of Python pickles, protocols 2 to 5: it knows the opcodes that `torch.save`
 * writes, builds plain values, and runs nothing. The opcodes follow Python's `pickletools`.
 */

import { FormatError } from "../format_error.ts";
import { build, callGlobal, newObject, resolveGlobal, storageOf } from "./pickle_calls.ts";
import { checkDepth } from "./pickle_depth.ts";
import {
  isTensor,
  PickleDict,
  PickleTuple,
  type PickleValue,
  type StorageReference,
  type TensorReference,
} from "./pickle_values.ts";

/** What a pickle contained, and where it ended. */
export interface Unpickled {
  readonly value: PickleValue;
  readonly end: number;
  /** All tensors that it created, in order. */
  readonly tensors: TensorReference[];
  /** All storages that it named, in order; a storage appears once per tensor that uses it. */
  readonly storages: StorageReference[];
}

/** The pickle continues beyond the available bytes. */
export class OutOfBytes extends FormatError {
  constructor() {
    super("its pickle is truncated");
  }
}

// These limits bound memory and time whatever the bytes say; the largest published checkpoints stay far below
// them. Anything that takes more memory than a number counts as several values, and so does anything that is
// traversed again with each use, such as the arguments of a call.
const MAX_VALUES = 2_000_000;
const CONTAINER_VALUES = 4;
/** Tensors and storages, which are described one by one wherever a file is shown. */
const MAX_TENSORS = 200_000;
const MAX_INTEGER_BYTES = 256;

const MARK = Symbol("mark");
type StackItem = PickleValue | typeof MARK;
const utf8 = new TextDecoder("utf-8", { fatal: true });

class Machine {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #position: number;
  #stack: StackItem[] = [];
  #marks: number[] = [];
  #memo = new Map<number, PickleValue>();
  #made = 0;
  readonly #tensors: TensorReference[] = [];
  readonly #storages: StorageReference[] = [];

  constructor(bytes: Uint8Array, start: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
  }

  run(): Unpickled {
    const protocol = this.#take(2);
    if (protocol[0] !== 0x80 || protocol[1] < 2 || protocol[1] > 5) {
      throw new FormatError("it is not a pickle that PyTorch writes");
    }
    for (;;) {
      const opcode = this.#take(1)[0];
      if (opcode === 0x2e) break; // STOP
      this.#step(opcode);
    }
    const value = this.#pop();
    checkDepth(value);
    return { value, end: this.#position, tensors: this.#tensors, storages: this.#storages };
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.#position) throw new OutOfBytes();
    this.#position += length;
    return this.#bytes.subarray(this.#position - length, this.#position);
  }

  #unsigned(bytes: 1 | 2 | 4 | 8): number {
    const at = this.#position;
    this.#take(bytes);
    if (bytes === 1) return this.#view.getUint8(at);
    if (bytes === 2) return this.#view.getUint16(at, true);
    if (bytes === 4) return this.#view.getUint32(at, true);
    return Number(this.#view.getBigUint64(at, true));
  }

  #charge(values: number): void {
    this.#made += values;
    if (this.#made > MAX_VALUES) throw new FormatError("its pickle has too many values");
  }

  #push(value: PickleValue): void {
    this.#charge(1);
    this.#stack.push(value);
  }

  #pushContainer(value: PickleValue, items = 0): void {
    this.#charge(CONTAINER_VALUES + items);
    this.#push(value);
  }

  #pop(): PickleValue {
    const item = this.#stack.pop();
    if (item === undefined || item === MARK) throw new FormatError("its pickle's stack runs empty");
    return item;
  }

  #top(): PickleValue {
    const item = this.#stack.at(-1);
    if (item === undefined || item === MARK) throw new FormatError("its pickle's stack runs empty");
    return item;
  }

  #popToMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined || mark >= this.#stack.length) {
      throw new FormatError("its pickle's stack runs empty");
    }
    const items = this.#stack.splice(mark);
    return items.slice(1) as PickleValue[];
  }

  #popTuple(length: number): PickleTuple {
    const items: PickleValue[] = [];
    for (let i = 0; i < length; i++) items.unshift(this.#pop());
    return new PickleTuple(items);
  }

  #line(): string {
    const end = this.#bytes.indexOf(0x0a, this.#position);
    if (end < 0) throw new OutOfBytes();
    if (end - this.#position > 200) throw new FormatError("its pickle has an endless name");
    const text = this.#text(end - this.#position);
    this.#position++;
    return text;
  }

  #text(length: number): string {
    const bytes = this.#take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new FormatError("its pickle has a string that is not UTF-8");
    }
  }

  #integer(length: number): number | bigint {
    if (length > MAX_INTEGER_BYTES) throw new FormatError("its pickle has an endless integer");
    const bytes = this.#take(length);
    let value = 0n;
    for (let i = length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]);
    if (length > 0 && bytes[length - 1] & 0x80) value -= 1n << BigInt(8 * length);
    const isSafe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return isSafe ? Number(value) : value;
  }

  #remember(index: number): void {
    this.#charge(1);
    this.#memo.set(index, this.#top());
  }

  #recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw new FormatError(`its pickle recalls ${index}, never remembered`);
    this.#push(value);
  }

  #append(items: PickleValue[]): void {
    const list = this.#top();
    if (!Array.isArray(list)) {
      throw new FormatError("its pickle appends to something that is not a list");
    }
    for (const item of items) list.push(item);
  }

  #setItems(items: PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof PickleDict) || items.length % 2 !== 0) {
      throw new FormatError("its pickle sets items of something that is not a dict");
    }
    for (let i = 0; i < items.length; i += 2) dict.entries.set(items[i], items[i + 1]);
  }

  /** Calls a function or creates an object with the arguments on top of the stack. */
  #call(call: typeof callGlobal): void {
    const args = this.#pop();
    const result = call(this.#pop(), args);
    if (isTensor(result)) this.#list(this.#tensors, result);
    // A list of pairs becomes a separate dict in each call; arguments are inspected for each object.
    const { items } = args as PickleTuple;
    const copied = result instanceof PickleDict && Array.isArray(items[0]) ? items[0].length : 0;
    this.#pushContainer(result, items.length + copied);
  }

  #list<T>(all: T[], item: T): void {
    if (all.length >= MAX_TENSORS) throw new FormatError("its pickle has too many tensors");
    all.push(item);
  }

  #name(storage: StorageReference): void {
    this.#list(this.#storages, storage);
    this.#pushContainer(storage);
  }

  #step(opcode: number): void {
    const scalar = this.#scalar(opcode);
    if (scalar !== undefined) return this.#push(scalar);
    if (this.#container(opcode) || this.#object(opcode)) return;
    throw new FormatError(
      `its pickle has the opcode 0x${opcode.toString(16)}, which PyTorch does not write`,
    );
  }

  /** Opcodes that push a number, a string, bytes, a boolean or None. */
  #scalar(opcode: number): PickleValue | undefined {
    switch (opcode) {
      case 0x4e: // NONE
        return null;
      case 0x88: // NEWTRUE
        return true;
      case 0x89: // NEWFALSE
        return false;
      case 0x4b: // BININT1
        return this.#unsigned(1);
      case 0x4d: // BININT2
        return this.#unsigned(2);
      case 0x4a: // BININT
        return this.#unsigned(4) | 0;
      case 0x8a: // LONG1
        return this.#integer(this.#unsigned(1));
      case 0x8b: // LONG4
        return this.#integer(this.#unsigned(4));
      case 0x47: { // BINFLOAT
        this.#take(8);
        return this.#view.getFloat64(this.#position - 8, false);
      }
      case 0x8c: // SHORT_BINUNICODE
        return this.#text(this.#unsigned(1));
      case 0x58: // BINUNICODE
        return this.#text(this.#unsigned(4));
      case 0x8d: // BINUNICODE8
        return this.#text(this.#unsigned(8));
      case 0x43: // SHORT_BINBYTES
        return this.#take(this.#unsigned(1)).slice();
      case 0x42: // BINBYTES
        return this.#take(this.#unsigned(4)).slice();
      case 0x8e: // BINBYTES8
        return this.#take(this.#unsigned(8)).slice();
    }
  }

  /** Opcodes that create and fill containers. */
  #container(opcode: number): boolean {
    switch (opcode) {
      case 0x28: // MARK
        this.#charge(1);
        this.#marks.push(this.#stack.length);
        this.#stack.push(MARK);
        return true;
      case 0x5d: // EMPTY_LIST
        return this.#pushContainer([]), true;
      case 0x7d: // EMPTY_DICT
        return this.#pushContainer(new PickleDict()), true;
      case 0x29: // EMPTY_TUPLE
        return this.#pushContainer(new PickleTuple([])), true;
      case 0x85: // TUPLE1
      case 0x86: // TUPLE2
      case 0x87: // TUPLE3
        return this.#pushContainer(this.#popTuple(opcode - 0x84)), true;
      case 0x74: // TUPLE
        return this.#pushContainer(new PickleTuple(this.#popToMark())), true;
      case 0x61: { // APPEND
        const item = this.#pop();
        return this.#append([item]), true;
      }
      case 0x65: // APPENDS
        return this.#append(this.#popToMark()), true;
      case 0x73: { // SETITEM
        const value = this.#pop();
        const key = this.#pop();
        return this.#setItems([key, value]), true;
      }
      case 0x75: // SETITEMS
        return this.#setItems(this.#popToMark()), true;
    }
    return false;
  }

  /** Opcodes for names, objects, storages, the memo and frames. */
  #object(opcode: number): boolean {
    switch (opcode) {
      case 0x63: { // GLOBAL
        const module = this.#line();
        return this.#pushContainer(resolveGlobal(module, this.#line())), true;
      }
      case 0x93: { // STACK_GLOBAL
        const name = this.#pop();
        const module = this.#pop();
        return this.#pushContainer(resolveGlobal(module, name)), true;
      }
      case 0x52: // REDUCE
        return this.#call(callGlobal), true;
      case 0x81: // NEWOBJ
        return this.#call(newObject), true;
      case 0x62: { // BUILD
        const state = this.#pop();
        return build(this.#top(), state), true;
      }
      case 0x51: // BINPERSID
        return this.#name(storageOf(this.#pop())), true;
      case 0x71: // BINPUT
        return this.#remember(this.#unsigned(1)), true;
      case 0x72: // LONG_BINPUT
        return this.#remember(this.#unsigned(4)), true;
      case 0x94: // MEMOIZE
        return this.#remember(this.#memo.size), true;
      case 0x68: // BINGET
        return this.#recall(this.#unsigned(1)), true;
      case 0x6a: // LONG_BINGET
        return this.#recall(this.#unsigned(4)), true;
      case 0x95: { // FRAME
        const length = this.#unsigned(8);
        if (length > this.#bytes.length - this.#position) throw new OutOfBytes();
        return true;
      }
    }
    return false;
  }
}

/** Reads one pickle starting at `start`. Throws only `FormatError`s. */
export function unpickle(bytes: Uint8Array, start = 0): Unpickled {
  return new Machine(bytes, start).run();
}
