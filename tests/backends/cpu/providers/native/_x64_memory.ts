/** The addresses that machine code can reach in the model of the processor: anything else is a fault. */

/** Far apart, so that code which leaves one area does not reach another. */
const [memoryStart, stackStart] = [2 ** 32, 2 ** 41];
export const [valuesStart, codeStart] = [2 ** 40, 2 ** 42];
const stackBytes = 4096;
export const stackEnd = stackStart + stackBytes;

/** The most values that a function takes, the address of the memory included. */
const mostValues = 32;

interface Area {
  readonly start: number;
  readonly end: number;
  readonly view: DataView;
  readonly bytes: Uint8Array;
}

function areaAt(start: number, buffer: ArrayBufferLike): Area {
  const bytes = new Uint8Array(buffer as ArrayBuffer);
  const view = new DataView(buffer as ArrayBuffer);
  return { start, end: start + buffer.byteLength, view, bytes };
}

/** See the comment of the file. */
export class X64Memory {
  readonly #values = new Float64Array(mostValues);
  /** The tensors' memory, the stack, the values and the code. */
  readonly #areas: Area[];

  /** @param memory the tensors' memory */
  constructor(memory: ArrayBufferLike) {
    this.#areas = [
      areaAt(memoryStart, memory),
      areaAt(stackStart, new ArrayBuffer(stackBytes)),
      areaAt(valuesStart, this.#values.buffer),
    ];
  }

  /** What a function of our own finds at its parameter: the address of the memory, and float64 values. */
  setValues(values: readonly number[]): void {
    this.#values.fill(NaN);
    new BigInt64Array(this.#values.buffer)[0] = BigInt(memoryStart);
    this.#values.set(values, 1);
  }

  setCode(code: ArrayBufferLike): void {
    this.#areas[3] = areaAt(codeStart, code);
  }

  bytes(address: number, length: number): Uint8Array {
    const { start, bytes } = this.#area(address, length);
    return bytes.subarray(address - start, address - start + length);
  }

  write(address: number, bytes: Uint8Array): void {
    this.bytes(address, bytes.length).set(bytes);
  }

  int32(address: number): number {
    const { start, view } = this.#area(address, 4);
    return view.getInt32(address - start, true);
  }

  setInt32(address: number, value: number): void {
    const { start, view } = this.#area(address, 4);
    view.setInt32(address - start, value, true);
  }

  float64(address: number): number {
    const { start, view } = this.#area(address, 8);
    return view.getFloat64(address - start, true);
  }

  readInteger(address: number): number {
    const { start, view } = this.#area(address, 8);
    return Number(view.getBigInt64(address - start, true));
  }

  writeInteger(address: number, value: number): void {
    const { start, view } = this.#area(address, 8);
    view.setBigInt64(address - start, BigInt(value), true);
  }

  #area(address: number, length: number): Area {
    for (const area of this.#areas) {
      if (address >= area.start && address + length <= area.end) return area;
    }
    throw new Error(`#PF: ${length} bytes at ${address - memoryStart} of the memory`);
  }
}
