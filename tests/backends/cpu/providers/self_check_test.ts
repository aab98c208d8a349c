/** The self-check finds kernels on tile registers that are wrong, in the model of the processor. */

import assert from "node:assert/strict";
import { usualTiling } from "../../../../backends/cpu/products/tile.ts";
import { findGemmDifference } from "../../../../backends/cpu/providers/self_check.ts";
import type { KernelTable } from "../../../../backends/cpu/threads/job.ts";
import { modelKernels, openModel, pairKernels, tileKernels } from "../_model_kernels.ts";

const { arena, wasmKernels, model } = openModel();
const right = { ...wasmKernels, ...modelKernels(model, [...tileKernels, ...pairKernels]) };

/** The products in float32 and in pairs are WebAssembly's, whose panels have other shapes than `lanes`. */
function findIn(kernels: KernelTable): string | null {
  const { gemmBlockOfPairs: _, ...suspect } = kernels;
  return findGemmDifference(wasmKernels, suspect, usualTiling(4), arena);
}

Deno.test("right kernels on tiles pass the self-check", () => {
  assert.equal(findIn(right), null);
});

/** Where the parameters of `tileBlock` are. */
const [rows, columns, start, activation] = [5, 6, 7, 11];

const wrong: Record<string, (values: number[]) => number[]> = {
  "a row too few": (values) => values.with(rows, values[rows] - 1),
  "a column too many": (values) => values.with(columns, values[columns] + 1),
  "other initial values": (values) => values.with(start, values[start] + 4),
};

for (const [what, change] of Object.entries(wrong)) {
  Deno.test(`the self-check finds ${what} in a product on tiles`, () => {
    const tileBlock = (...values: number[]) => right.tileBlock(...change(values));
    assert.equal(findIn({ ...right, tileBlock }), "tileBlock");
  });
}

Deno.test("the self-check finds that packing leaves something where zeros belong", () => {
  const packLeftRowsForTiles = (...values: number[]) => {
    const [source, rowBytes, count, depth, target, scale] = values;
    right.packLeftRowsForTiles(source, rowBytes, count, depth + 1, target, scale);
  };
  const packRightColumnsForTiles = (...values: number[]) => {
    const [source, rowBytes, count, depth, ...rest] = values;
    right.packRightColumnsForTiles(source, rowBytes, count, depth + 1, ...rest);
  };
  assert.equal(findIn({ ...right, packLeftRowsForTiles, packRightColumnsForTiles }), "tileBlock");
});

Deno.test("the self-check finds rows of bfloat16 that are packed one too far", () => {
  const packLeftRowsOfBfloat16ForTiles = (...values: number[]) => {
    right.packLeftRowsOfBfloat16ForTiles(...values.with(0, values[0] + 2));
  };
  const found = findIn({ ...right, packLeftRowsOfBfloat16ForTiles });
  assert.equal(found, "packing of bfloat16 for tiles");
});

Deno.test("the self-check finds an activation that is not applied", () => {
  const tileBlock = (...values: number[]) => right.tileBlock(...values.with(activation, 0));
  assert.equal(findIn({ ...right, tileBlock }), "tileBlock with gelu");
});
