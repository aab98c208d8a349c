/** Machine code of all kernels, executed by a model of the processor: on every machine. */

import assert from "node:assert/strict";
import { usualTiling } from "../../../../../backends/cpu/products/tile.ts";
import { describeKernel } from "../../../../../backends/cpu/code/kernel_builder.ts";
import { portableKernels } from "../../../../../backends/cpu/kernels/kernel_table.ts";
import {
  findDifference,
  findGemmDifference,
} from "../../../../../backends/cpu/providers/self_check.ts";
import { modelKernels, openModel, pairKernels, tileKernels } from "../../_model_kernels.ts";

const lanes = 16;

Deno.test("AVX-512 code of every kernel computes what WebAssembly does", () => {
  const { arena, wasmKernels, model } = openModel();
  const kernels = modelKernels(model, portableKernels);
  const comparable = portableKernels.filter(({ name }) => !/^(gemm|pack)/.test(name));
  const codes = comparable.map((description) => describeKernel(description, 4));
  assert.equal(findDifference(codes, wasmKernels, kernels, arena), null);
});

Deno.test("AVX-512 code of products computes what WebAssembly does", () => {
  const { arena, wasmKernels, model } = openModel();
  const kernels = modelKernels(model, [...portableKernels, ...pairKernels, ...tileKernels]);
  assert.equal(findGemmDifference(wasmKernels, kernels, usualTiling(lanes), arena), null);
  assert.ok(model.tiles.counts.tdpbf16ps > 0);
});
