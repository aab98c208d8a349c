/** The packing for tiles on a processor with AVX512-BF16, which it needs no AMX for, and on its model. */

import assert from "node:assert/strict";
import { describeKernel } from "../../../../../backends/cpu/code/kernel_builder.ts";
import { encodeX64 } from "../../../../../backends/cpu/providers/native/encode_kernel.ts";
import {
  addressOfBuffer,
  functionOfValues,
  openNativeHost,
} from "../../../../../backends/cpu/providers/native/executable_memory_ffi.ts";
import { vectorSupport } from "../../../../../backends/cpu/providers/native/processor_ffi.ts";
import { Generator } from "../../../../../core/generator.ts";
import { modelKernels, openModel, tileKernels } from "../../_model_kernels.ts";

const host = openNativeHost();
const isPossible = typeof host !== "string" && vectorSupport(host)?.hasBfloat16 === true;

Deno.test({
  name: "packing for tiles gives the model's bits (needs avx512_bf16 in /proc/cpuinfo)",
  ignore: !isPossible,
  fn() {
    if (typeof host === "string") return;
    const { arena, model } = openModel();
    const { offset } = arena.allocate(2 ** 20);
    const floats = new Float32Array(arena.buffer as ArrayBuffer, offset, 2 ** 18);
    const values = new Float64Array(32);
    const random = Generator.from(5);
    const [depth, count, target] = [70, 45, offset + 2 ** 19];
    for (const description of tileKernels.filter(({ name }) => name.startsWith("pack"))) {
      floats.forEach((_, place) => floats[place] = random.normal());
      floats.set([NaN, Infinity, -0, 1e-40, 3e38, 1 + 2 ** -8, 1 + 3 * 2 ** -8], 3);
      const before = floats.slice();
      const rowBytes = (description.name.includes("Rows") ? depth : count) * 4;
      const parameters = [offset, rowBytes, count, depth, target, 1];
      modelKernels(model, [description])[description.name](...parameters);
      const expected = floats.slice();
      floats.set(before);
      const code = host.place(encodeX64(describeKernel(description, 16), 16, host.convention));
      new BigInt64Array(values.buffer)[0] = addressOfBuffer(arena.buffer);
      values.set(parameters, 1);
      functionOfValues(code.address, values)();
      code.free();
      const bits = (of: Float32Array) => new Int32Array(of.buffer, of.byteOffset, of.length);
      const actual = bits(floats);
      assert.notDeepEqual(bits(expected), bits(before));
      assert.ok(bits(expected).every((value, place) => value === actual[place]), description.name);
    }
  },
});
