/**
 * The WebAssembly loops over pixels and their memory. Each call copies its image in and its result out, which
 * costs a twentieth of the work, so that nobody keeps a view that becomes invalid when the memory grows.
 *
 * @module
 */
import { pixelsWasm } from "./pixels_wasm.ts";

/** The exports of `pixels.wat`; addresses and sizes in bytes. */
interface PixelLoops {
  readonly memory: WebAssembly.Memory;
  blend(at: number, bytes: number, level: number, alpha: number): void;
  saturate(at: number, pixels: number, alpha: number): void;
  graySum(at: number, pixels: number): number;
  mirror(from: number, to: number, pixels: number): void;
  resizeRows(
    from: number,
    fromBytes: number,
    to: number,
    toBytes: number,
    width: number,
    starts: number,
    pairs: number,
    weights: number,
    stride: number,
  ): void;
  resizeColumn(from: number, to: number, bytes: number, pairs: number, weights: number): void;
  normalize(
    from: number,
    to: number,
    pixels: number,
    plane: number,
    ...constants: [number, number, number, number, number, number]
  ): void;
}

function instantiate(): PixelLoops {
  const bytes = Uint8Array.from(atob(pixelsWasm), (character) => character.charCodeAt(0));
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  return instance.exports as unknown as PixelLoops;
}

let instance: PixelLoops | undefined;

/** The loops, compiled on first use. */
export function pixelLoops(): PixelLoops {
  return instance ??= instantiate();
}

/** Padding after an image that loops may touch. */
const slack = 32;

/** Lays out regions of the memory, one after another, each with padding after it. */
export class PixelMemory {
  #end = 0;

  /** Reserves `bytes` bytes and returns their address, a multiple of 16. */
  reserve(bytes: number): number {
    const at = this.#end;
    this.#end = at + Math.ceil((bytes + slack) / 16) * 16;
    return at;
  }

  /** The memory, grown to hold everything reserved; valid until the next call. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { memory } = pixelLoops();
    const missing = this.#end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
    return new Uint8Array(memory.buffer as ArrayBuffer);
  }
}
