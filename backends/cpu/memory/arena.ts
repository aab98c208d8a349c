/**
 * Allocator of tensors inside one memory: blocks in address order that split and merge, found by
 * size class. Blocks are multiples of 64 bytes and aligned to 64, so a kernel may read and
 * write the last vector of a tensor as a whole.
 *
 * @module
 */

import { OutOfMemoryError } from "../../../core/errors.ts";
import { type ArenaMemory, growArenaMemory, pageBytes } from "./arena_memory.ts";

export const alignment = 64;

/** Bytes below the first block: the threads' control words and the constants of kernels. */
export const reservedBytes = pageBytes;

/** Address of zeros that nothing overwrites. */
export const zerosOffset = pageBytes / 2;

/** Address of a one. */
export const onesOffset = zerosOffset - alignment;

/** Vector loads may run past the last block by less than this. */
const guardBytes = 4096;

const smallestGrowth = 64 * 2 ** 20;

/** A piece of the arena. */
export interface Block {
  readonly offset: number;
  readonly bytes: number;
}

interface Node extends Block {
  bytes: number;
  isFree: boolean;
  /** Neighbours in memory. */
  previous: Node | null;
  next: Node | null;
  /** Neighbours in the list of free blocks. */
  before: Node | null;
  after: Node | null;
}

/** Four classes for each power of two. */
function sizeClass(bytes: number): number {
  const units = bytes / alignment;
  const exponent = 31 - Math.clz32(units);
  const quarter = Math.floor(units * 4 / (1 << exponent)) - 4;
  return exponent * 4 + quarter;
}

function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** See the module comment. */
export class Arena {
  readonly source: ArenaMemory;
  /** Heads of lists of free blocks, by size class; the last one freed, still in the caches, is first. */
  #free: (Node | null)[] = [];
  #last: Node | null = null;
  #end = reservedBytes;
  #usedBytes = 0;
  #peakBytes = 0;

  constructor(source: ArenaMemory) {
    this.source = source;
    new Float32Array(this.buffer as ArrayBuffer)[onesOffset / 4] = 1;
  }

  /** The memory's current buffer; when a shared one grows, views of the old one stay valid. */
  get buffer(): ArrayBufferLike {
    return this.source.memory.buffer;
  }

  /** Bytes of all blocks in use, rounding included. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The most that `usedBytes` has been. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** The peak counts from here: what was used to choose kernels is no run's. */
  forgetPeak(): void {
    this.#peakBytes = this.#usedBytes;
  }

  /** Gives an uninitialised block of at least `bytes`; an OutOfMemoryError when the memory is full. */
  allocate(bytes: number): Block {
    const wanted = roundUp(Math.max(bytes, 1), alignment);
    const node = this.#take(wanted) ?? this.#extend(wanted);
    this.#split(node, wanted);
    node.isFree = false;
    this.#usedBytes += node.bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#usedBytes);
    return node;
  }

  /** Returns a block; it must come from this arena and be in use. */
  free(block: Block): void {
    let node = block as Node;
    if (node.isFree) throw new Error("Cannot free a block of the arena: it is already free");
    this.#usedBytes -= node.bytes;
    node.isFree = true;
    if (node.next?.isFree) {
      this.#remove(node.next);
      this.#merge(node, node.next);
    }
    if (node.previous?.isFree) {
      this.#remove(node.previous);
      const previous = node.previous;
      this.#merge(previous, node);
      node = previous;
    }
    this.#insert(node);
  }

  #take(wanted: number): Node | null {
    const first = sizeClass(wanted);
    for (let index = first; index < this.#free.length; index++) {
      // Only in the first class can a block be too small.
      let node = this.#free[index] ?? null;
      while (node !== null && node.bytes < wanted) node = node.after;
      if (node === null) continue;
      this.#remove(node);
      return node;
    }
    return null;
  }

  #extend(wanted: number): Node {
    const tail = this.#last?.isFree ? this.#last : null;
    const offset = tail?.offset ?? this.#end;
    const needed = offset + wanted + guardBytes;
    const comfortable = Math.max(
      needed,
      Math.min(this.source.maximumBytes, roundUp(needed + smallestGrowth, pageBytes)),
    );
    if (
      needed > this.buffer.byteLength && !growArenaMemory(this.source, comfortable) &&
      !growArenaMemory(this.source, needed)
    ) {
      throw new OutOfMemoryError(
        `Cannot allocate ${wanted} bytes on the cpu backend: ${this.#usedBytes} of at most ` +
          `${this.source.maximumBytes} bytes are in use`,
      );
    }
    this.#end = offset + wanted;
    if (tail !== null) {
      this.#remove(tail);
      tail.bytes = wanted;
      return tail;
    }
    const node: Node = {
      offset,
      bytes: wanted,
      isFree: true,
      previous: this.#last,
      next: null,
      before: null,
      after: null,
    };
    if (this.#last !== null) this.#last.next = node;
    this.#last = node;
    return node;
  }

  #split(node: Node, wanted: number): void {
    const rest = node.bytes - wanted;
    if (rest === 0) return;
    node.bytes = wanted;
    const tail: Node = {
      offset: node.offset + wanted,
      bytes: rest,
      isFree: true,
      previous: node,
      next: node.next,
      before: null,
      after: null,
    };
    if (node.next !== null) node.next.previous = tail;
    else this.#last = tail;
    node.next = tail;
    this.#insert(tail);
  }

  #merge(left: Node, right: Node): void {
    left.bytes += right.bytes;
    left.next = right.next;
    if (right.next !== null) right.next.previous = left;
    else this.#last = left;
  }

  #insert(node: Node): void {
    const index = sizeClass(node.bytes);
    const head = this.#free[index] ?? null;
    if (head !== null) head.before = node;
    node.after = head;
    this.#free[index] = node;
  }

  #remove(node: Node): void {
    const { before, after } = node;
    if (after !== null) after.before = before;
    if (before !== null) before.after = after;
    else this.#free[sizeClass(node.bytes)] = after;
    node.before = node.after = null;
  }
}
