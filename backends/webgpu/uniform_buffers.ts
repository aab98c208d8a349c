/**
 * Uniform buffers. Shapes and sizes recur every step, so buffers are kept by content and written once.
 *
 * @module
 */

const UNIFORM_USAGE = 0x40 | 0x8; // UNIFORM | COPY_DST
const MOST_BUFFERS = 4096;

/** See the module's text. */
export class UniformBuffers {
  readonly #device: GPUDevice;
  readonly #flush: () => void;
  readonly #buffers = new Map<string, GPUBuffer>();

  /** `flush` submits all recorded work, which may read the buffers. */
  constructor(device: GPUDevice, flush: () => void) {
    this.#device = device;
    this.#flush = flush;
  }

  /** A buffer with this content. */
  of(content: ArrayBuffer): GPUBuffer {
    const key = new Uint32Array(content).join();
    let buffer = this.#buffers.get(key);
    if (!buffer) {
      if (this.#buffers.size >= MOST_BUFFERS) this.dispose();
      const size = Math.ceil(content.byteLength / 16) * 16;
      buffer = this.#device.createBuffer({ size, usage: UNIFORM_USAGE });
      this.#device.queue.writeBuffer(buffer, 0, content);
      this.#buffers.set(key, buffer);
    }
    return buffer;
  }

  /** Destroys all of them. */
  dispose(): void {
    this.#flush();
    for (const buffer of this.#buffers.values()) buffer.destroy();
    this.#buffers.clear();
  }
}
