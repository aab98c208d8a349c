/**
 * Products on tile registers against sums in float64 of the operands in bfloat16, executed by the model of
 * the processor: on every machine.
 */

import assert from "node:assert/strict";
import { zerosOffset } from "../../../../../backends/cpu/memory/arena.ts";
import {
  packTilesItems,
  packTilesJob,
  planTiles,
  tilePanelBytes,
  tileProductJob,
} from "../../../../../backends/cpu/products/amx/job.ts";
import type { MatrixProduct, Start } from "../../../../../backends/cpu/products/matrix_product.ts";
import { multiplyMatrices } from "../../../../../backends/cpu/products/multiply_matrices.ts";
import type { Activation } from "../../../../../backends/kernels.ts";
import { Generator } from "../../../../../core/generator.ts";
import { fc } from "../../../../../deps/fast_check.ts";
import { pairKernels, tileKernels } from "../../_model_kernels.ts";
import { createModelBackend } from "../../_model_backend.ts";

const { runtime, tiles } = createModelBackend([...tileKernels, ...pairKernels]);
const { arena } = runtime.tensors;

/** To nearest, ties to even. */
function toBfloat16(values: Float32Array): Float32Array {
  const words = new Uint32Array(values.slice().buffer);
  words.forEach((word, place) => words[place] = (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000);
  return new Float32Array(words.buffer);
}

const activations: Record<Activation, (x: number) => number> = {
  none: (x) => x,
  gelu: (x) => x * normalBelow(x),
  quickGelu: (x) => x / (1 + Math.exp(-1.702 * x)),
  tanh: Math.tanh,
};

/** Φ by Simpson's rule. */
function normalBelow(x: number): number {
  const steps = 400;
  const width = x / steps;
  let sum = 0;
  for (let step = 0; step <= steps; step++) {
    const weight = step === 0 || step === steps ? 1 : step % 2 === 0 ? 2 : 4;
    sum += weight * Math.exp(-((step * width) ** 2) / 2);
  }
  return 0.5 + sum * width / 3 / Math.sqrt(2 * Math.PI);
}

interface Case {
  rows: number;
  columns: number;
  depth: number;
  /** Whether A and B are stored transposed. */
  transposed: [boolean, boolean];
  start: "zero" | "bias" | "matrix";
  activation: Activation;
  /** Floats between rows of C besides its columns. */
  gap: number;
}

const usual: Case = {
  rows: 40,
  columns: 70,
  depth: 50,
  transposed: [false, true],
  start: "zero",
  activation: "none",
  gap: 0,
};

/** Memory that held something else before, and around it what must not change. */
function fillMemory(): Float32Array {
  const memory = new Float32Array(arena.buffer as ArrayBuffer);
  const first = arena.allocate(1);
  memory.fill(NaN, first.offset / 4);
  arena.free(first);
  return memory;
}

/** Runs the product, and compares all of C's memory. */
function checkProduct({ rows, columns, depth, transposed, ...options }: Case): void {
  const memory = fillMemory();
  const random = Generator.from(rows + 7 * columns + 31 * depth);
  const write = (size: number, value: () => number) => {
    const block = arena.allocate(size * 4);
    const view = memory.subarray(block.offset / 4, block.offset / 4 + size);
    for (let place = 0; place < size; place++) view[place] = value();
    return { block, view, address: block.offset };
  };
  const normal = (size: number) => write(size, () => random.normal());
  const [a, b] = [normal(rows * depth), normal(depth * columns)];
  const initial = normal(options.start === "bias" ? columns : rows * columns);
  const rowFloats = columns + options.gap;
  const [c, activated] = [0, 1].map(() => write(rows * rowFloats, () => 7));
  const starts: Record<Case["start"], Start> = {
    zero: "zero",
    bias: { bias: initial.address },
    matrix: { matrix: initial.address, rowBytes: columns * 4 },
  };
  const product: MatrixProduct = {
    rows,
    columns,
    depth,
    a: { address: a.address, isTransposed: transposed[0] },
    b: { address: b.address, isTransposed: transposed[1] },
    c: { address: c.address, rowBytes: rowFloats * 4 },
    start: starts[options.start],
    activation: options.activation,
    activated: activated.address,
    precision: "bfloat16",
  };
  multiplyMatrices(runtime, [product]);
  const [as, bs] = [a, b].map(({ view }) => toBfloat16(view));
  const what = JSON.stringify({ rows, columns, depth, transposed, ...options });
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < rowFloats; column++) {
      const place = row * rowFloats + column;
      if (column >= columns) {
        assert.equal(c.view[place], 7, `${what}: C beyond its columns`);
        continue;
      }
      let sum = options.start === "zero"
        ? 0
        : initial.view[options.start === "bias" ? column : row * columns + column];
      let scale = Math.abs(sum) + 1;
      for (let step = 0; step < depth; step++) {
        const left = as[transposed[0] ? step * rows + row : row * depth + step];
        const right = bs[transposed[1] ? column * depth + step : step * columns + column];
        const term = left * right;
        sum += term;
        scale += Math.abs(term);
      }
      const check = (value: number, wanted: number) => {
        if (Math.abs(value - wanted) <= 3e-7 * scale + 1e-6) return;
        assert.fail(`${what}: [${row}, ${column}] is ${value}, not ${wanted}`);
      };
      check(c.view[place], sum);
      if (options.activation === "none") continue;
      check(activated.view[place], activations[options.activation](sum));
    }
  }
  for (const { block } of [a, b, initial, c, activated]) arena.free(block);
}

Deno.test("products on tiles of all shapes and ways to store their operands", () => {
  const length = fc.oneof(
    fc.constantFrom(1, 2, 31, 32, 33, 64, 65),
    fc.integer({ min: 1, max: 100 }),
  );
  fc.assert(
    fc.property(
      fc.record({
        rows: length,
        columns: length,
        depth: length,
        transposed: fc.tuple(fc.boolean(), fc.boolean()),
        start: fc.constantFrom("zero", "bias", "matrix"),
        activation: fc.constantFrom<Activation>("none", "gelu", "quickGelu", "tanh"),
        gap: fc.constantFrom(0, 5, 32),
      }),
      checkProduct,
    ),
    { numRuns: 40 },
  );
});

Deno.test("every way to store the operands of a product on tiles", () => {
  for (const left of [false, true]) {
    for (const right of [false, true]) checkProduct({ ...usual, transposed: [left, right] });
  }
});

Deno.test("products on tiles over several blocks of the depth, rows and columns", () => {
  checkProduct({ ...usual, depth: 1650, start: "bias", activation: "gelu" });
  checkProduct({ ...usual, depth: 1601, transposed: [true, false], start: "matrix" });
  checkProduct({ ...usual, rows: 300, columns: 33, depth: 20 });
  checkProduct({ ...usual, rows: 20, columns: 600, depth: 33, gap: 3 });
});

Deno.test("several products at once, with what they depend on", () => {
  const memory = fillMemory();
  const size = 40;
  const blocks = [0, 1, 2, 3].map(() => arena.allocate(size * size * 4));
  const [x, y, first, second] = blocks.map(({ offset }) => ({ address: offset }));
  const view = ({ address }: { address: number }) =>
    memory.subarray(address / 4, address / 4 + size * size);
  view(x).forEach((_, place, values) => values[place] = place % 5 - 2);
  view(y).forEach((_, place, values) => values[place] = place % 7 - 3);
  const shape = { rows: size, columns: size, depth: size, precision: "bfloat16" } as const;
  multiplyMatrices(runtime, [
    { ...shape, a: x, b: y, c: first },
    { ...shape, a: { ...x, isTransposed: true }, b: { ...y, isTransposed: true }, c: second },
  ]);
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let [plain, transposed] = [0, 0];
      for (let step = 0; step < size; step++) {
        plain += view(x)[row * size + step] * view(y)[step * size + column];
        transposed += view(x)[step * size + row] * view(y)[column * size + step];
      }
      assert.equal(view(first)[row * size + column], plain);
      assert.equal(view(second)[row * size + column], transposed);
    }
  }
  for (const block of blocks) arena.free(block);
});

Deno.test("any division of a product on tiles gives the same bits, in the caches and past them", () => {
  const [rows, columns, depth] = [200, 160, 40];
  const memory = fillMemory();
  const random = Generator.from(3);
  const take = (bytes: number) => arena.allocate(bytes).offset;
  const [a, b, c] = [rows * depth, depth * columns, rows * columns].map((size) => take(size * 4));
  for (let place = a / 4; place < c / 4; place++) memory[place] = random.normal();
  const [left, right] = [rows, columns].map((count) => take(tilePanelBytes(count, depth)));
  const scratch = take(4096);
  const bench = { kernels: runtime.pool.kernels, scratch } as Parameters<
    typeof packTilesJob.run
  >[0];
  const pack = (values: { source: number; count: number; isLeft: number; target: number }) => {
    for (let item = 0; item < packTilesItems(values.count, depth); item++) {
      packTilesJob.run(bench, {
        ...values,
        rowBytes: depth * 4,
        isAlongRows: 1,
        isBfloat16: 0,
        depth,
      }, item);
    }
  };
  pack({ source: a, count: rows, isLeft: 1, target: left });
  pack({ source: b, count: columns, isLeft: 0, target: right });
  const multiply = (threads: number, isLarge: 0 | 1 = 0) => {
    const { rowItems, columnItems } = planTiles({ rows, columns }, threads);
    memory.fill(NaN, c / 4, c / 4 + rows * columns);
    for (let item = 0; item < rowItems * columnItems; item++) {
      tileProductJob.run(bench, {
        ...{ a: left, b: right, c, rowBytes: columns * 4, rows, columns, depth },
        ...{ start: zerosOffset, startRowBytes: 0, startPanelBytes: 0 },
        ...{ activation: 0, activated: 0, format: 0, isLarge, rowItems, columnItems },
      }, item);
    }
    return { items: rowItems * columnItems, values: memory.slice(c / 4, c / 4 + rows * columns) };
  };
  const [whole, divided] = [multiply(1), multiply(8)];
  assert.ok(divided.items > whole.items);
  assert.ok(whole.values.every((value) => !Number.isNaN(value)));
  assert.deepEqual(divided.values, whole.values);
  assert.deepEqual(multiply(8, 1).values, whole.values);
});

Deno.test("the least number of tile instructions", () => {
  const before = { ...tiles.counts };
  checkProduct({ ...usual, rows: 64, columns: 64, depth: 64 });
  const counts = Object.fromEntries(
    Object.entries(tiles.counts).map(([name, count]) => [name, count - before[name]]),
  );
  // 4 blocks of 4 tiles, 2 places deep; the operands that would be next are loaded before the end is known.
  assert.deepEqual(counts, {
    ldtilecfg: 1,
    tilezero: 16,
    tileloadd: 32 + 4,
    tdpbf16ps: 32,
    tilestored: 16,
    tilerelease: 1,
  });
});
