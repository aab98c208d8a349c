/** Statements on tile registers, executed by the model of the processor. */

import assert from "node:assert/strict";
import {
  describeKernel,
  type KernelBuilder,
  type KernelDescription,
} from "../../../../backends/cpu/code/kernel_builder.ts";
import {
  endTiles,
  loadTile,
  multiplyTiles,
  startTiles,
  storeTile,
  tileAddress,
  zeroTile,
} from "../../../../backends/cpu/code/tiles.ts";
import { encodeKernel } from "../../../../backends/cpu/wasm/encode_kernel.ts";
import { modelKernels, openModel } from "../_model_kernels.ts";

const { arena, model } = openModel();

function run(build: (k: KernelBuilder) => void, ...values: number[]): void {
  modelKernels(model, [{ name: "kernel", build }]).kernel(...values);
}

/** The upper half of a float32, which holds all of a small integer. */
function toBfloat16(value: number): number {
  return new Uint32Array(Float32Array.of(value).buffer)[0] >>> 16;
}

Deno.test("a tile of rows times a tile of pairs, added to what is there", () => {
  const [size, depth, rowBytes] = [16, 32, 80];
  const { offset } = arena.allocate(8192);
  const [a, b, c] = [0, 1, 2].map((part) => offset + part * 2048);
  const halves = new Uint16Array(arena.buffer as ArrayBuffer);
  const floats = new Float32Array(arena.buffer as ArrayBuffer);
  const left = (row: number, step: number) => (row * 3 + step) % 7 - 3;
  const right = (step: number, column: number) => (step * 5 + column) % 9 - 4;
  for (let row = 0; row < size; row++) {
    for (let step = 0; step < depth; step++) {
      halves[(a + row * rowBytes) / 2 + step] = toBfloat16(left(row, step));
      const pair = b + (step >> 1) * rowBytes + row * 4;
      halves[pair / 2 + step % 2] = toBfloat16(right(step, row));
    }
    for (let column = 0; column < size; column++) floats[(c + row * rowBytes) / 4 + column] = 1000;
  }
  run(
    (k) => {
      const [from, pairs, to] = k.indices("from", "pairs", "to");
      const bytes = k.letIndex(rowBytes);
      startTiles(k);
      loadTile(k, 0, { address: tileAddress(k, to), rowBytes: bytes });
      // Sixteen bytes too far, which the offset takes back.
      loadTile(k, 3, { address: tileAddress(k, from.plus(16)), rowBytes: bytes, offset: -16 });
      loadTile(k, 7, { address: tileAddress(k, pairs), rowBytes: bytes });
      multiplyTiles(k, 0, 3, 7);
      storeTile(k, 0, { address: tileAddress(k, to), rowBytes: bytes });
      endTiles(k);
    },
    a,
    b,
    c,
  );
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      let sum = 1000;
      for (let step = 0; step < depth; step++) sum += left(row, step) * right(step, column);
      assert.equal(floats[(c + row * rowBytes) / 4 + column], sum);
    }
  }
});

Deno.test("what a processor would refuse, its model does too", () => {
  assert.throws(() => run((k) => zeroTile(k, 0)), /#UD: the tiles are not configured/);
  assert.throws(() => run(startTiles), /The tiles were not released/);
  const outside = (k: KernelBuilder) => {
    const rowBytes = k.letIndex(64);
    startTiles(k);
    loadTile(k, 0, { address: tileAddress(k, k.letIndex(-64)), rowBytes });
    endTiles(k);
  };
  assert.throws(() => run(outside), /#PF: 64 bytes at -64 of the memory/);
  const twice = (k: KernelBuilder) => {
    startTiles(k);
    multiplyTiles(k, 0, 1, 1);
    endTiles(k);
  };
  assert.throws(() => run(twice), /#UD: a tile is used twice/);
});

Deno.test("WebAssembly has no tile registers", () => {
  const description: KernelDescription = { name: "kernel", build: startTiles };
  const code = describeKernel(description, 4);
  assert.throws(
    () => encodeKernel(code, { addressBits: 64, hasRelaxedSimd: true }),
    /Cannot encode tile registers for WebAssembly/,
  );
});
