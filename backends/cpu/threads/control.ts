/**
 * The words at the start of the memory through which threads coordinate.
 *
 * A program is open or closed. A worker joins by counting itself in while the program is open; one
 * that arrives too late leaves again. The main thread takes items too, closes the program when none is
 * left, and waits for those that joined: a sleeping worker never holds it up.
 *
 * @module
 */

/** Indices of int32 words; those that several threads write have their own cache lines. */
const word = { generation: 0, state: 16, nextItem: 32, stop: 48, failed: 49, done: 64 };
const programByte = 512;
const programLength = 192;

const closed = 1 << 30;
const joinedMask = closed - 1;

/** Iterations of a waiting loop before a thread sleeps. */
const workerSpins = 50_000;
const mainSpins = 2_000;

const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});

/** See the module comment; each thread has its own over the same memory. */
export class Control {
  readonly #words: Int32Array;
  /** Numbers that describe the current program. */
  readonly program: Float64Array;
  #mayWait = true;

  constructor(buffer: ArrayBufferLike) {
    this.#words = new Int32Array(buffer as ArrayBuffer, 0, 128);
    this.program = new Float64Array(buffer as ArrayBuffer, programByte, programLength);
  }

  /** Before any worker starts. */
  reset(): void {
    this.#words.fill(0);
    this.#words[word.state] = closed;
  }

  /** Main thread: opens the program that has been written to the workers. */
  open(): void {
    const words = this.#words;
    Atomics.store(words, word.done, 0);
    Atomics.store(words, word.nextItem, 0);
    Atomics.and(words, word.state, ~closed);
    Atomics.add(words, word.generation, 1);
    Atomics.notify(words, word.generation);
  }

  /** Takes the next item; past the last one when none is left. */
  takeItem(): number {
    return Atomics.add(this.#words, word.nextItem, 1);
  }

  /** Counts an item as done, and wakes threads that wait for `awaited` of them. */
  countDone(awaited: number): void {
    const before = Atomics.add(this.#words, word.done, 1);
    if (before + 1 === awaited) Atomics.notify(this.#words, word.done);
  }

  /** Waits until `count` items are done; throws when another thread has failed. */
  awaitDone(count: number): void {
    const words = this.#words;
    for (let spins = 0;; spins++) {
      const done = Atomics.load(words, word.done);
      if (done >= count) return;
      if (Atomics.load(words, word.failed) !== 0) throw new Error("Another thread has failed");
      if (spins < mainSpins || !this.#mayWait) pause();
      else this.#sleep(word.done, done);
    }
  }

  /** Main thread: closes the program and waits for the workers that joined; false if one failed. */
  close(): boolean {
    const words = this.#words;
    Atomics.or(words, word.state, closed);
    for (let spins = 0;; spins++) {
      const state = Atomics.load(words, word.state);
      if ((state & joinedMask) === 0) break;
      if (spins < mainSpins || !this.#mayWait) pause();
      else this.#sleep(word.state, state);
    }
    return Atomics.exchange(words, word.failed, 0) === 0;
  }

  #sleep(place: number, value: number): void {
    try {
      Atomics.wait(this.#words, place, value, 1);
    } catch {
      // A browser's main thread may not sleep, so it keeps spinning.
      this.#mayWait = false;
    }
  }

  /** Worker: whether the current program may be worked on; {@link leave} must follow if so. */
  join(): boolean {
    const isOpen = (Atomics.add(this.#words, word.state, 1) & closed) === 0;
    if (!isOpen) this.leave();
    return isOpen;
  }

  leave(): void {
    const left = Atomics.sub(this.#words, word.state, 1) - 1;
    if (left === closed) Atomics.notify(this.#words, word.state);
  }

  fail(): void {
    Atomics.store(this.#words, word.failed, 1);
  }

  /** Worker: returns the generation once it differs from `seen`, or -1 to end the thread. */
  awaitGeneration(seen: number): number {
    const words = this.#words;
    for (let spins = 0;; spins++) {
      if (Atomics.load(words, word.stop) !== 0) return -1;
      const generation = Atomics.load(words, word.generation);
      if (generation !== seen) return generation;
      if (spins < workerSpins) pause();
      else Atomics.wait(words, word.generation, seen);
    }
  }

  get generation(): number {
    return Atomics.load(this.#words, word.generation);
  }

  /** Main thread: ends all workers. */
  stop(): void {
    Atomics.store(this.#words, word.stop, 1);
    Atomics.add(this.#words, word.generation, 1);
    Atomics.notify(this.#words, word.generation);
  }
}
