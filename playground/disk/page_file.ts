/** The contents of a file in a page's memory. @module */

/** Bytes that grow. */
export class PageFile {
  #memory = new Uint8Array(0);
  #size = 0;
  #version = 0;

  get size(): number {
    return this.#size;
  }

  /** Counts the changes. */
  get version(): number {
    return this.#version;
  }

  /** The bytes; valid until the next change. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#memory.subarray(0, this.#size);
  }

  /** Writes at a position; a gap before it is filled with zeros. */
  write(at: number, bytes: Uint8Array): void {
    const end = at + bytes.length;
    this.#reserve(end);
    this.#memory.set(bytes, at);
    this.#size = Math.max(this.#size, end);
    this.#version++;
  }

  /** Cuts off or fills with zeros what is beyond a size. */
  resize(size: number): void {
    this.#reserve(size);
    this.#memory.fill(0, Math.min(size, this.#size), this.#size);
    this.#size = size;
    this.#version++;
  }

  #reserve(size: number): void {
    if (size <= this.#memory.length) return;
    const larger = new Uint8Array(Math.max(size, 2 * this.#memory.length));
    larger.set(this.bytes);
    this.#memory = larger;
  }
}
