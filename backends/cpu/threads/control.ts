/**
 * The words at the start of the memory through which threads hand each other work.
 *
 * A program is open or closed. A worker joins by counting itself in while it is open; one that comes
 * too late leaves again. The main thread takes part, closes the program when no item is left, and
 * waits for those who joined: a sleeping worker never holds it up.
 *
 * @module
 */

/** Indices of int32 words; those that several threads write lie on cache lines of their own. */
const word = { generation: 0, state: 16, nextItem: 32, stop: 48, failed: 49, done: 64 };
const programByte = 512;
const programLength = 192;

const closed = 1 << 30;
const joinedMask = closed - 1;

/** Turns of a waiting loop before a thread sleeps. */
const workerSpins = 50_000;
const mainSpins = 2_000;

const pause: () => void = (Atomics as { pause?: () => void }).pause ?? (() => {});

/** See the module's text; each thread has its own over the same memory. */
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

  /** Main thread: makes the program, which is written, visible to the workers. */
  open(): void {
    const words = this.#words;
    Atomics.store(words, word.done, 0);
    Atomics.store(words, word.nextItem, 0);
    Atomics.and(words, word.state, ~closed);
    Atomics.add(words, word.generation, 1);
    Atomics.notify(words, word.generation);
  }

  /** The next item that nobody has taken; beyond the last one when there is none. */
  takeItem(): number {
    return Atomics.add(this.#words, word.nextItem, 1);
  }

  /** One more item is done; others may wait for `awaited` of them. */
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

  /** Main thread: lets nobody join any more and waits for those who did; false if one failed. */
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
      // A browser's main thread is not allowed to; it goes on spinning.
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
