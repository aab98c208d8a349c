/**
 * Compares every kernel of one table with that of another on small made-up data, before it is trusted.
 * A parameter's meaning follows from its name, so new kernels are checked without further work.
 *
 * @module
 */

import type { KernelCode } from "../code/statement.ts";
import type { Arena } from "../memory/arena.ts";
import { tileFormat } from "../products/amx/description.ts";
import { stepsPerTilePlace, tileBlock } from "../products/amx/panels.ts";
import { activationKernelNames } from "../products/gemm/job.ts";
import { packing, type StepsPerPlace } from "../products/pack/job.ts";
import { blockShape, panelProducts } from "../products/panel_products.ts";
import { type Tiling, usualTiling } from "../products/tile.ts";
import type { KernelTable } from "../threads/job.ts";
import { wasmLanes } from "../wasm/lanes.ts";

/** Bytes of the stretch of memory that an address parameter points to. */
const regionBytes = 4096;

const counts: Readonly<Record<string, number>> = {
  count: 21,
  rows: 7,
  columns: 19,
  depth: 9,
  base: 0,
  across: 3,
  channels: 2,
  patchSize: 5,
  startPanelBytes: 64,
};

const rowBytes = 128;
const indexNames: ReadonlySet<string> = new Set(["index", "ids", "targets"]);
const tolerance = 1e-5;

function isAddress(name: string): boolean {
  return !(name in counts) && !name.endsWith("Bytes");
}

/** Values that repeat after a prime number of places, both signs, none tiny, all exact in bfloat16. */
function sample(place: number): number {
  return (2 * ((place * 37) % 101) - 101) / 64;
}

function fillRegions(kernel: KernelCode, memory: Float32Array): void {
  for (let place = 0; place < memory.length; place++) memory[place] = sample(place);
  const integers = new Int32Array(memory.buffer as ArrayBuffer, memory.byteOffset, memory.length);
  kernel.parameters.forEach(({ name }, position) => {
    if (!indexNames.has(name)) return;
    const first = position * regionBytes / 4;
    for (let place = 0; place < regionBytes / 4; place++) integers[first + place] = place % 5;
  });
}

function argumentsOf(kernel: KernelCode, start: number): number[] {
  return kernel.parameters.map(({ name, variable }, position) => {
    if (variable.type === "vector") return 0.5 + position / 16;
    if (name in counts) return counts[name];
    return isAddress(name) ? start + position * regionBytes : rowBytes;
  });
}

function isClose(a: number, b: number): boolean {
  return Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));
}

/** The name of the first kernel whose results differ, or null. */
export function findDifference(
  kernels: readonly KernelCode[],
  trusted: KernelTable,
  suspect: KernelTable,
  arena: Arena,
): string | null {
  const regions = Math.max(...kernels.map(({ parameters }) => parameters.length)) + 1;
  const block = arena.allocate(regions * regionBytes);
  const memory = new Float32Array(
    arena.buffer as ArrayBuffer,
    block.offset,
    regions * regionBytes / 4,
  );
  try {
    for (const kernel of kernels) {
      const run = (table: KernelTable) => {
        fillRegions(kernel, memory);
        table[kernel.name](...argumentsOf(kernel, block.offset));
        return memory.slice();
      };
      const expected = run(trusted);
      const actual = run(suspect);
      if (!actual.every((value, place) => isClose(value, expected[place]))) return kernel.name;
    }
    return null;
  } finally {
    arena.free(block);
  }
}

/** Products of bfloat16: the operands are exact in it. */
const reducedProducts = [["gemmBlockOfPairs", 2], ["tileBlock", stepsPerTilePlace]] as const;

const bytesOf = (count: number) => count * 4;

/**
 * Rows, columns and depth of the checked product: panels that are packed together and alone, whole
 * tiles, edges, and a remainder of the depth.
 */
const [productRows, productColumns, productDepth] = [61, 165, 37];

/** Rows that are bfloat16 already hold whole pairs, and for tile registers, whole places. */
const [evenDepth, wholeDepth] = [38, 64];

/**
 * The same for the product of packed panels, whose shape depends on the tiling: `gemmBlock` and the
 * packing kernels, and `gemmBlockOfPairs` and `tileBlock` with their own where `suspect` has them.
 */
export function findGemmDifference(
  trusted: KernelTable,
  suspect: KernelTable,
  tiling: Tiling,
  arena: Arena,
): string | null {
  const floats = 12_288;
  const block = arena.allocate(5 * floats * 4);
  const [source, a, b, c, edge] = [0, 1, 2, 3, 4].map((part) => block.offset + part * floats * 4);
  const memory = new Float32Array(arena.buffer as ArrayBuffer, block.offset, 5 * floats);
  /** `isTransposed`: A is stored as [depth, rows] and B as [columns, depth]. */
  const multiply = (
    table: KernelTable,
    tiling: Tiling,
    isTransposed: boolean,
    stepsPerPlace: StepsPerPlace = 1,
    depth = productDepth,
    isBfloat16 = false,
  ) => {
    memory.forEach((_, place) => memory[place] = sample(place));
    const { multiply } = panelProducts(table, stepsPerPlace);
    const left = packing(table, "Left", stepsPerPlace, isBfloat16);
    const right = packing(table, "Right", stepsPerPlace, isBfloat16);
    const panelBytes = bytesOf(blockShape(tiling, stepsPerPlace).columns);
    if (isBfloat16) table.narrow(source, edge, floats);
    const from = isBfloat16 ? edge : source;
    const stored = (count: number) => isBfloat16 ? 2 * count : bytesOf(count);
    if (isTransposed) {
      left.packColumns(from, stored(productRows), productRows, depth, a, 1);
      right.packRows(from, stored(depth), productColumns, depth, b, 1);
    } else {
      left.packRows(from, stored(depth), productRows, depth, a, 1);
      right.packColumns(from, stored(productColumns), productColumns, depth, b, 1);
    }
    const rowBytes = bytesOf(productColumns);
    const shape = [rowBytes, productRows, productColumns];
    multiply(depth, a, b, c, ...shape, c, rowBytes, panelBytes, edge);
    return memory.slice(3 * floats, 4 * floats);
  };
  try {
    const isSame = (actual: Float32Array, expected: Float32Array) =>
      actual.every((value, place) => isClose(value, expected[place]));
    for (const isTransposed of [false, true]) {
      const expected = multiply(trusted, usualTiling(wasmLanes), isTransposed);
      if (!isSame(multiply(suspect, tiling, isTransposed), expected)) return "gemmBlock";
      for (const [name, stepsPerPlace] of reducedProducts) {
        if (!(name in suspect)) continue;
        if (!isSame(multiply(suspect, tiling, isTransposed, stepsPerPlace), expected)) return name;
      }
    }
    if ("packLeftRowsOfBfloat16ForTiles" in suspect) {
      const expected = multiply(trusted, usualTiling(wasmLanes), false, 1, wholeDepth);
      const actual = multiply(suspect, tiling, false, stepsPerTilePlace, wholeDepth, true);
      if (!isSame(actual, expected)) return "packing of bfloat16 for tiles";
    }
    if ("narrow" in suspect && !keepsBfloat16(suspect, arena)) return "narrow";
    if ("layerNormToBfloat16" in suspect && !normalizesToBfloat16(suspect, arena)) {
      return "layerNormToBfloat16";
    }
    for (const isTransposed of "gemmBlockOfPairs" in suspect ? [false, true] : []) {
      const expected = multiply(trusted, usualTiling(wasmLanes), isTransposed, 1, evenDepth);
      const actual = multiply(suspect, tiling, isTransposed, 2, evenDepth, true);
      if (!isSame(actual, expected)) return "packing of bfloat16";
    }
    return "tileBlock" in suspect ? findActivationDifference(trusted, suspect, arena) : null;
  } finally {
    arena.free(block);
  }
}

/** Whether values that are exact in bfloat16 come back from it, and nothing else is touched. */
function keepsBfloat16({ narrow, widen }: KernelTable, arena: Arena): boolean {
  const count = 64;
  const block = arena.allocate(4 * count * 4);
  const memory = new Float32Array(arena.buffer as ArrayBuffer, block.offset, 4 * count);
  try {
    memory.forEach((_, place) => memory[place] = sample(place));
    narrow(block.offset, block.offset + bytesOf(count), count);
    widen(block.offset + bytesOf(count), block.offset + bytesOf(2 * count), count);
    return memory.every((value, place) => {
      const isNarrow = place >= count && place < 1.5 * count;
      const isWidened = place >= 2 * count && place < 3 * count;
      return isNarrow || value === sample(isWidened ? place - 2 * count : place);
    });
  } finally {
    arena.free(block);
  }
}

/** Whether a norm in bfloat16 is that in float32, rounded. */
function normalizesToBfloat16(kernels: KernelTable, arena: Arena): boolean {
  const [rows, columns] = [3, 64];
  const size = rows * columns;
  const block = arena.allocate(6 * bytesOf(size));
  const memory = new Float32Array(arena.buffer as ArrayBuffer, block.offset, 6 * size);
  const [x, weight, bias, y, statistics, rounded] = [0, 1, 2, 3, 4, 5].map((part) =>
    block.offset + part * bytesOf(size)
  );
  try {
    const run = (name: string) => {
      memory.forEach((_, place) => memory[place] = sample(place));
      kernels[name](x, weight, bias, y, statistics, rows, columns, 1e-6, 1 / columns);
    };
    run("layerNormToBfloat16");
    kernels.widen(y, rounded, size);
    const actual = memory.slice(4 * size);
    run("layerNorm");
    kernels.narrow(y, rounded, size);
    memory.copyWithin(3 * size, 5 * size, 5.5 * size);
    kernels.widen(y, rounded, size);
    // Sums in another order may round the other way.
    return actual.every((value, place) => {
      const expected = memory[4 * size + place];
      return Math.abs(value - expected) <= 2 ** -7 * Math.abs(expected);
    });
  } finally {
    arena.free(block);
  }
}

/**
 * The same for what `tileBlock` does with results: of a product of zeros they are the initial values. In bfloat16
 * they are those in float32, rounded.
 */
function findActivationDifference(
  trusted: KernelTable,
  suspect: KernelTable,
  arena: Arena,
): string | null {
  const { rows, columns } = tileBlock;
  const floats = rows * columns;
  const block = arena.allocate(5 * floats * 4);
  const [zeros, start, c, activated, edge] = [0, 1, 2, 3, 4].map((part) =>
    block.offset + part * bytesOf(floats)
  );
  const memory = new Float32Array(arena.buffer as ArrayBuffer, block.offset, 5 * floats);
  const run = (activation: number, format: number, isLarge: 0 | 1 = 0) => {
    memory.forEach((_, place) => memory[place] = place < floats ? 0 : sample(place));
    const rowBytes = bytesOf(columns) / (format === 0 ? 1 : 2);
    const initial = [start, bytesOf(columns), 0];
    const where = [c, rowBytes, rows, columns, ...initial, edge];
    suspect.tileBlock(1, zeros, zeros, ...where, activation, activated, format, isLarge);
    return memory.slice(2 * floats, 4 * floats);
  };
  try {
    for (const [activation, name] of activationKernelNames.entries()) {
      if (name === "") continue;
      const actual = run(activation, tileFormat("float32"));
      const expected = memory.slice(floats, 3 * floats);
      trusted[name](start, activated, floats);
      expected.set(memory.subarray(3 * floats, 4 * floats), floats);
      if (!actual.every((value, place) => isClose(value, expected[place]))) {
        return `tileBlock with ${name}`;
      }
      const narrow = run(activation, tileFormat("bfloat16"), 1);
      for (const part of [0, floats]) {
        memory.set(actual.subarray(part, part + floats));
        suspect.narrow(zeros, start, floats);
        const rounded = memory.subarray(floats, 1.5 * floats);
        if (!rounded.every((value, place) => Object.is(value, narrow[part + place]))) {
          return `tileBlock with ${name} in bfloat16`;
        }
      }
    }
    const [small, large] = [0, 1].map((isLarge) => run(0, tileFormat("float32"), isLarge as 0 | 1));
    return small.every((value, place) => Object.is(value, large[place]))
      ? null
      : "tileBlock past the caches";
  } finally {
    arena.free(block);
  }
}

/** Whether a library's product is that of plain loops, with each side transposed or not. */
export function isProductRight({ matrixProduct }: KernelTable, arena: Arena): boolean {
  const [rows, columns, depth] = [3, 5, 4];
  const floats = 64;
  const block = arena.allocate(3 * floats * 4);
  const [a, b, c] = [0, 1, 2].map((part) => block.offset + part * floats * 4);
  const memory = new Float32Array(arena.buffer as ArrayBuffer, block.offset, 3 * floats);
  const isRight = (aIsTransposed: number, bIsTransposed: number) => {
    memory.forEach((_, place) => memory[place] = sample(place));
    const before = memory.slice();
    const [aRow, bRow] = [aIsTransposed ? rows : depth, bIsTransposed ? depth : columns];
    const keep = 1;
    const sizes = [rows, columns, depth];
    matrixProduct(
      aIsTransposed,
      bIsTransposed,
      ...sizes,
      a,
      aRow * 4,
      b,
      bRow * 4,
      keep,
      c,
      columns * 4,
    );
    for (let place = 0; place < rows * columns; place++) {
      const [row, column] = [Math.floor(place / columns), place % columns];
      let sum = before[2 * floats + place];
      for (let step = 0; step < depth; step++) {
        const left = aIsTransposed ? step * rows + row : row * depth + step;
        const right = bIsTransposed ? column * depth + step : step * columns + column;
        sum += before[left] * before[floats + right];
      }
      if (!isClose(memory[2 * floats + place], sum)) return false;
    }
    return true;
  };
  try {
    return [[0, 0], [0, 1], [1, 0], [1, 1]].every(([left, right]) => isRight(left, right));
  } finally {
    arena.free(block);
  }
}
