/**
 * The buffers of tensors, reused by size. This replaces tfjs' buffer manager, which never gives memory back.
 *
 * Of several free ones, the first that was created is used: a step that asks for the same as the one before
 * gets the same buffers, and its bind groups recur (`bind_groups.ts`).
 *
 * Free buffers are destroyed, longest unused first, if they would bring the pool more than a fifth above the
 * peak in use, and when nobody has asked for their size for a while.
 *
 * @module
 */

/** Free bytes that are kept, as a share of the peak bytes in use. */
const SLACK = 0.2;

/** Submissions after which a free buffer that nobody has asked for is destroyed; about ten steps. */
const IDLE_SUBMISSIONS = 400;

/** Options of {@link BufferPool}. */
export interface BufferPoolOptions {
  /** Bytes that it may hold. */
  readonly limitBytes: number;
  readonly create: (descriptor: GPUBufferDescriptor) => GPUBuffer;
  /** Called in place of an allocation that would exceed the limit; must throw. */
  readonly onExhausted: (size: number, usedBytes: number) => never;
}

interface FreeBuffer {
  readonly buffer: GPUBuffer;
  /** Buffers created before it. */
  readonly number: number;
  readonly since: number;
}

/** See the module's description. The methods in the middle have the names that tfjs calls. */
export class BufferPool {
  /** Bytes in use, and the same including free buffers. */
  numBytesUsed = 0;
  numBytesAllocated = 0;
  /** The peak of the two. */
  peakBytesUsed = 0;
  peakBytesAllocated = 0;
  readonly #options: BufferPoolOptions;
  /** By size and usage; the first one created comes last. */
  readonly #free = new Map<string, FreeBuffer[]>();
  /** Those in use, with their numbers. */
  readonly #used = new Map<GPUBuffer, number>();
  #created = 0;
  /** Work that has been recorded but not submitted may read these. */
  #doomed: GPUBuffer[] = [];
  #submissions = 0;

  constructor(options: BufferPoolOptions) {
    this.#options = options;
  }

  acquireBuffer(size: number, usage: number, mappedAtCreation = false, reuse = true): GPUBuffer {
    const found = reuse ? this.#free.get(keyOf(size, usage))?.pop() : undefined;
    const buffer = found?.buffer ?? this.#create(size, usage, mappedAtCreation);
    this.#used.set(buffer, found?.number ?? this.#created++);
    this.numBytesUsed += size;
    this.peakBytesUsed = Math.max(this.peakBytesUsed, this.numBytesUsed);
    return buffer;
  }

  releaseBuffer(buffer: GPUBuffer, reuse = true): void {
    const number = this.#used.get(buffer);
    if (number === undefined) return; // disposed of
    this.#used.delete(buffer);
    this.numBytesUsed -= buffer.size;
    if (!reuse) return this.#destroy(buffer);
    const key = keyOf(buffer.size, buffer.usage);
    const list = this.#free.get(key);
    const entry = { buffer, number, since: this.#submissions };
    if (list === undefined) {
      this.#free.set(key, [entry]);
      return;
    }
    const place = list.findLastIndex((other) => other.number > number) + 1;
    list.splice(place, 0, entry);
  }

  getNumUsedBuffers(): number {
    return this.#used.size;
  }

  getNumFreeBuffers(): number {
    return [...this.#free.values()].reduce((sum, { length }) => sum + length, 0);
  }

  dispose(): void {
    for (const buffer of this.#used.keys()) buffer.destroy();
    this.#used.clear();
    this.numBytesUsed = 0;
    this.#evict(() => true);
    this.afterSubmission();
    this.numBytesAllocated = 0;
  }

  /** Call this when all work recorded so far has been submitted. */
  afterSubmission(): void {
    for (const buffer of this.#doomed) buffer.destroy();
    this.#doomed = [];
    if (++this.#submissions % 64 !== 0) return;
    this.#evict(({ since }) => this.#submissions - since > IDLE_SUBMISSIONS);
  }

  #create(size: number, usage: number, mappedAtCreation: boolean): GPUBuffer {
    const used = this.numBytesUsed + size;
    if (used > this.#options.limitBytes) this.#options.onExhausted(size, this.numBytesUsed);
    const bound = Math.max(used, this.peakBytesUsed) * (1 + SLACK);
    this.#shrinkTo(Math.min(bound, this.#options.limitBytes) - size);
    const buffer = this.#options.create({ size, usage, mappedAtCreation });
    this.numBytesAllocated += size;
    this.peakBytesAllocated = Math.max(this.peakBytesAllocated, this.numBytesAllocated);
    return buffer;
  }

  /** Destroys free buffers, longest unused first, until at most this many bytes are held or none is left. */
  #shrinkTo(bytes: number): void {
    if (this.numBytesAllocated <= bytes) return;
    const oldest = [...this.#free.values()].flat().sort((a, b) => a.since - b.since);
    let excess = this.numBytesAllocated - bytes;
    const chosen = new Set<FreeBuffer>();
    for (const entry of oldest) {
      if (excess <= 0) break;
      excess -= entry.buffer.size;
      chosen.add(entry);
    }
    this.#evict((entry) => chosen.has(entry));
  }

  #evict(isToGo: (entry: FreeBuffer) => boolean): void {
    for (const [key, list] of this.#free) {
      const kept: FreeBuffer[] = [];
      for (const entry of list) {
        if (isToGo(entry)) this.#destroy(entry.buffer);
        else kept.push(entry);
      }
      if (kept.length > 0) this.#free.set(key, kept);
      else this.#free.delete(key);
    }
  }

  #destroy(buffer: GPUBuffer): void {
    this.#doomed.push(buffer);
    this.numBytesAllocated -= buffer.size;
  }
}

function keyOf(size: number, usage: number): string {
  return `${size} ${usage}`;
}
