/**
 * A batch's arrays while it is assembled from chunks.
 *
 * @module
 */
import type { ChunkResult } from "./producer.ts";
import { hasEqualViews, tokenizerSizeOf, type Transform } from "../augment/transform.ts";

/** Room for `count` samples. */
export class BatchBuffers {
  readonly #imageSize: number;
  readonly #tokenizerSize: number;
  readonly #patches: number;
  readonly #pixels: Uint8Array;
  readonly #tokenizerPixels: Uint8Array;
  readonly #mask: Uint8Array;
  readonly #labelMaps: Uint8Array;
  readonly #seconds: Record<string, number> = {};

  constructor(
    transform: Transform,
    grid: { readonly height: number; readonly width: number } | undefined,
    count: number,
  ) {
    this.#imageSize = transform.size;
    this.#tokenizerSize = tokenizerSizeOf(transform);
    this.#patches = grid === undefined ? 0 : grid.height * grid.width;
    this.#pixels = new Uint8Array(count * this.#imageSize ** 2 * 3);
    this.#tokenizerPixels = hasEqualViews(transform)
      ? this.#pixels
      : new Uint8Array(count * this.#tokenizerSize ** 2 * 3);
    this.#mask = new Uint8Array(count * this.#patches);
    const labels = transform.kind === "segmentation" ? transform.size ** 2 : 0;
    this.#labelMaps = new Uint8Array(count * labels);
  }

  /** Copies the samples of a chunk into place; `first` is the position of the chunk's first sample. */
  place(chunk: ChunkResult, first: number): void {
    this.#pixels.set(chunk.pixels, first * this.#imageSize ** 2 * 3);
    if (chunk.tokenizerPixels !== undefined) {
      this.#tokenizerPixels.set(chunk.tokenizerPixels, first * this.#tokenizerSize ** 2 * 3);
    }
    if (chunk.mask !== undefined) this.#mask.set(chunk.mask, first * this.#patches);
    if (chunk.labelMaps !== undefined) {
      this.#labelMaps.set(chunk.labelMaps, first * this.#imageSize ** 2);
    }
    for (const [stage, seconds] of Object.entries(chunk.seconds)) {
      this.#seconds[stage] = (this.#seconds[stage] ?? 0) + seconds;
    }
  }

  /** The parts that the batch exposes. */
  get contents() {
    return {
      pixels: this.#pixels,
      imageSize: this.#imageSize,
      tokenizerPixels: this.#tokenizerPixels,
      tokenizerSize: this.#tokenizerSize,
      mask: this.#mask,
      labelMaps: this.#labelMaps,
      seconds: this.#seconds,
    };
  }
}
