/**
 * The tile unit of AMX as Intel's manual describes it, for machines that have none: palette 1, eight tiles
 * of up to 16 rows of 64 bytes, and products of pairs of bfloat16.
 */

const tiles = 8;
const mostRows = 16;
const mostRowBytes = 64;
const floatsOfRow = mostRowBytes / 4;

/** A float32 of this magnitude or less is taken as zero, and never a result. */
const largestDenormal = 1.1754942106924411e-38;

/** Reads or writes bytes at an address. */
export interface TileMemory {
  bytes(address: number, length: number): Uint8Array;
  write(address: number, bytes: Uint8Array): void;
}

function flushed(value: number): number {
  return Math.abs(value) <= largestDenormal ? 0 : value;
}

const word = new Uint32Array(1);
const asFloat = new Float32Array(word.buffer);

function fromBfloat16(bits: number): number {
  word[0] = bits << 16;
  return flushed(asFloat[0]);
}

/** One product more, rounded once: products of bfloat16 are exact in float64. */
function multiplyAdd(left: number, right: number, sum: number): number {
  return flushed(Math.fround(left * right + sum));
}

/** See the comment of the file; what the processor would refuse throws. */
export class TileUnit {
  /** Instructions so far, by their names. */
  readonly counts: Record<string, number> = {};
  readonly #tiles = Array.from({ length: tiles }, () => new Uint8Array(mostRows * mostRowBytes));
  #configuration: Uint8Array | null = null;

  get isConfigured(): boolean {
    return this.#configuration !== null;
  }

  configure(bytes: Uint8Array): void {
    this.#count("ldtilecfg");
    const [palette, startRow] = bytes;
    if (palette !== 1 || startRow !== 0) throw new Error("#GP: a palette other than 1");
    for (let place = 2; place < 64; place++) {
      const isUsed = (place >= 16 && place < 32) || (place >= 48 && place < 56);
      if (!isUsed && bytes[place] !== 0) throw new Error("#GP: a reserved byte is not 0");
    }
    this.#configuration = bytes.slice();
    for (let tile = 0; tile < tiles; tile++) {
      const { rows, rowBytes } = this.#shape(tile);
      if (rows > mostRows || rowBytes > mostRowBytes) throw new Error("#GP: a tile is too large");
      this.#tiles[tile].fill(0);
    }
  }

  configuration(): Uint8Array {
    this.#count("sttilecfg");
    return this.#configuration?.slice() ?? new Uint8Array(64);
  }

  release(): void {
    this.#count("tilerelease");
    this.#configuration = null;
    for (const tile of this.#tiles) tile.fill(0);
  }

  zero(tile: number): void {
    this.#count("tilezero");
    this.#shape(tile);
    this.#tiles[tile].fill(0);
  }

  /** Rows are `step` bytes apart. */
  load(tile: number, address: number, step: number, memory: TileMemory): void {
    this.#count("tileloadd");
    const { rows, rowBytes } = this.#shape(tile);
    this.#tiles[tile].fill(0);
    for (let row = 0; row < rows; row++) {
      this.#tiles[tile].set(memory.bytes(address + row * step, rowBytes), row * mostRowBytes);
    }
  }

  store(tile: number, address: number, step: number, memory: TileMemory): void {
    this.#count("tilestored");
    const { rows, rowBytes } = this.#shape(tile);
    for (let row = 0; row < rows; row++) {
      const start = row * mostRowBytes;
      memory.write(address + row * step, this.#tiles[tile].subarray(start, start + rowBytes));
    }
  }

  /** Even and odd steps of the depth are summed apart, and then added to the tile. */
  multiply(to: number, left: number, right: number): void {
    this.#count("tdpbf16ps");
    if (to === left || to === right || left === right) throw new Error("#UD: a tile is used twice");
    const [target, a, b] = [to, left, right].map((tile) => this.#shape(tile));
    const isFitting = a.rows === target.rows && b.rowBytes === target.rowBytes &&
      a.rowBytes / 4 === b.rows;
    if (!isFitting) throw new Error("#UD: shapes of tiles that do not fit");
    const sums = new Float32Array(this.#tiles[to].buffer);
    const [as, bs] = [left, right].map((tile) =>
      Float32Array.from(new Uint16Array(this.#tiles[tile].buffer), fromBfloat16)
    );
    for (let row = 0; row < target.rows; row++) {
      for (let column = 0; column < target.rowBytes / 4; column++) {
        let [even, odd] = [0, 0];
        for (let pair = 0; pair < b.rows; pair++) {
          const leftPlace = 2 * (row * floatsOfRow + pair);
          const rightPlace = 2 * (pair * floatsOfRow + column);
          even = multiplyAdd(as[leftPlace], bs[rightPlace], even);
          odd = multiplyAdd(as[leftPlace + 1], bs[rightPlace + 1], odd);
        }
        const place = row * floatsOfRow + column;
        sums[place] = flushed(Math.fround(sums[place] + flushed(Math.fround(even + odd))));
      }
    }
  }

  #shape(tile: number): { rows: number; rowBytes: number } {
    const bytes = this.#configuration;
    if (bytes === null) throw new Error("#UD: the tiles are not configured");
    if (tile >= tiles) throw new Error("#UD: no such tile");
    const rowBytes = bytes[16 + 2 * tile] | bytes[17 + 2 * tile] << 8;
    const rows = bytes[48 + tile];
    if (rows === 0 || rowBytes === 0) throw new Error("#UD: a tile without a shape");
    return { rows, rowBytes };
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }
}
