/** What a tokenizer's codes look like: the patches of many images by their codes. @module */

import type { RgbPicture } from "../../report/png.ts";
import { type KeptImage, patchesOf } from "../../tasks/tokens/token_pictures.ts";
import type { CodeView } from "./views.ts";

/** See the module comment. */
export class CodeSheet {
  readonly #imageSize: number;
  readonly #patchSize: number;
  readonly #sums: Float64Array;
  readonly #counts: Uint32Array;
  readonly #kept = new Map<string, KeptImage>();

  constructor({ codes, imageSize, patchSize }: {
    readonly codes: number;
    readonly imageSize: number;
    readonly patchSize: number;
  }) {
    this.#imageSize = imageSize;
    this.#patchSize = patchSize;
    this.#sums = new Float64Array(codes * patchSize * patchSize * 3);
    this.#counts = new Uint32Array(codes);
  }

  /** Adds an image's patches, once. */
  add(id: string, pixels: Uint8Array, tokens: Int32Array): void {
    if (this.#kept.has(id)) return;
    const image = { id, label: -1, pixels, tokens };
    this.#kept.set(id, image);
    this.#count(image, 1);
  }

  /** Takes an image's patches away again, if it was added. */
  remove(id: string): void {
    const image = this.#kept.get(id);
    if (image === undefined) return;
    this.#kept.delete(id);
    this.#count(image, -1);
  }

  #count({ pixels, tokens }: KeptImage, times: 1 | -1): void {
    for (const [patch, code] of tokens.entries()) {
      this.#counts[code] += times;
      this.#each(patch, (at, inside) => {
        this.#sums[code * this.#patchBytes + inside] += times * pixels[at];
      });
    }
  }

  /** A code by what carries it. */
  view(code: number): CodeView {
    return {
      mean: this.#mean(code),
      count: this.#counts[code],
      patches: patchesOf(code, [...this.#kept.values()], this.#imageSize, this.#patchSize),
    };
  }

  /** A picture with some patches drawn as the mean of their codes; those of unknown codes are grey. */
  drawn(pixels: Uint8Array, codeOf: (patch: number) => number | null): RgbPicture {
    const data = pixels.slice();
    const grid = this.#imageSize / this.#patchSize;
    for (let patch = 0; patch < grid * grid; patch++) {
      const code = codeOf(patch);
      if (code === null) continue;
      const mean = this.#mean(code)?.data;
      this.#each(patch, (at, inside) => data[at] = mean?.[inside] ?? 128);
    }
    return { width: this.#imageSize, height: this.#imageSize, data };
  }

  get #patchBytes(): number {
    return this.#patchSize ** 2 * 3;
  }

  #mean(code: number): RgbPicture | null {
    const count = this.#counts[code];
    if (count === 0) return null;
    const first = code * this.#patchBytes;
    const sums = this.#sums.subarray(first, first + this.#patchBytes);
    const data = Uint8Array.from(sums, (sum) => Math.round(sum / count));
    return { width: this.#patchSize, height: this.#patchSize, data };
  }

  /** Where each sample of a patch is in the image and in the patch. */
  #each(patch: number, visit: (at: number, inside: number) => void): void {
    const [size, side] = [this.#imageSize, this.#patchSize];
    const grid = size / side;
    const first = (Math.floor(patch / grid) * side * size + patch % grid * side) * 3;
    for (let row = 0; row < side; row++) {
      for (let i = 0; i < side * 3; i++) visit(first + row * size * 3 + i, row * side * 3 + i);
    }
  }
}
