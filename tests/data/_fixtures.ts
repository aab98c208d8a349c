/** Golden numbers of the data tests: tensors of a safetensors file by name, and JSON files. */
import type { RgbImage } from "../../data/images/image.ts";

const folder = new URL("../fixtures/", import.meta.url);

interface Entry {
  dtype: string;
  shape: number[];
  data_offsets: [number, number];
}

/** The tensors of `tests/fixtures/<name>.safetensors`. */
export class TensorFile {
  readonly #bytes: Uint8Array;
  readonly #header: Record<string, Entry>;
  readonly #start: number;

  constructor(name: string) {
    this.#bytes = Deno.readFileSync(new URL(`${name}.safetensors`, folder));
    const length = Number(new DataView(this.#bytes.buffer).getBigUint64(0, true));
    this.#start = 8 + length;
    this.#header = JSON.parse(new TextDecoder().decode(this.#bytes.subarray(8, this.#start)));
  }

  get names(): string[] {
    return Object.keys(this.#header).filter((name) => name !== "__metadata__");
  }

  bytes(name: string): Uint8Array {
    const entry = this.#header[name];
    if (entry === undefined) throw new Error(`no tensor ${name}`);
    const [from, to] = entry.data_offsets;
    return this.#bytes.slice(this.#start + from, this.#start + to);
  }

  floats(name: string): Float32Array {
    return new Float32Array(this.bytes(name).buffer);
  }

  image(name: string): RgbImage {
    const [height, width] = this.#header[name].shape;
    return { width, height, data: this.bytes(name) };
  }
}

// deno-lint-ignore no-explicit-any
export function readJson(name: string): any {
  return JSON.parse(Deno.readTextFileSync(new URL(`${name}.json`, folder)));
}

export function fixturePath(name: string): string {
  return decodeURIComponent(new URL(name, folder).pathname);
}

/** Largest absolute difference; throws where the lengths differ. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) throw new Error(`lengths differ: ${a.length} and ${b.length}`);
  let largest = 0;
  for (let i = 0; i < a.length; i++) largest = Math.max(largest, Math.abs(a[i] - b[i]));
  return largest;
}
