/**
 * Code for Windows, called on this system by the Windows convention from a C program with a known value in
 * every register that must come back unchanged.
 */

import assert from "node:assert/strict";
import { cpus } from "node:os";
import { usualTiling } from "../../../../../backends/cpu/products/tile.ts";
import { describeKernel } from "../../../../../backends/cpu/code/kernel_builder.ts";
import {
  encodePortableKernels,
  portableKernels,
} from "../../../../../backends/cpu/kernels/kernel_table.ts";
import { Arena } from "../../../../../backends/cpu/memory/arena.ts";
import { createArenaMemory } from "../../../../../backends/cpu/memory/arena_memory.ts";
import { bfloat16Descriptions as normToBfloat16 } from "../../../../../backends/cpu/kernels/layer_norm/description.ts";
import { bfloat16Descriptions } from "../../../../../backends/cpu/kernels/linear/description.ts";
import { pairDescriptions as gemmOfPairs } from "../../../../../backends/cpu/products/gemm/description.ts";
import { pairDescriptions as packInPairs } from "../../../../../backends/cpu/products/pack/description.ts";
import {
  systemV,
  windowsX64,
} from "../../../../../backends/cpu/providers/native/calling_convention.ts";
import {
  cachesAnswerLength,
  cachesQuery,
} from "../../../../../backends/cpu/providers/native/caches_ffi.ts";
import { encodeX64 } from "../../../../../backends/cpu/providers/native/encode_kernel.ts";
import {
  addressOfBuffer,
  functionOfValues,
  openNativeHost,
} from "../../../../../backends/cpu/providers/native/executable_memory_ffi.ts";
import type { Lanes } from "../../../../../backends/cpu/providers/native/native_code.ts";
import {
  answerLength,
  processorQuery,
  vectorSupport,
} from "../../../../../backends/cpu/providers/native/processor_ffi.ts";
import {
  nameQuery,
  processorName,
} from "../../../../../backends/cpu/providers/native/processor_name_ffi.ts";
import {
  inMemory,
  inRegister,
  register,
  X64Assembler,
} from "../../../../../backends/cpu/providers/native/x64_assembler.ts";
import {
  findDifference,
  findGemmDifference,
} from "../../../../../backends/cpu/providers/self_check.ts";
import type { KernelTable } from "../../../../../backends/cpu/threads/job.ts";
import { instantiateKernels } from "../../../../../backends/cpu/wasm/instantiate_kernels.ts";
import { wasmLanes } from "../../../../../backends/cpu/wasm/lanes.ts";

const general = ["rbx", "rbp", "rsi", "rdi", "r12", "r13", "r14", "r15"] as const;
/** By the bits of `watch_call`. */
const watchedNames = [
  ...general,
  ...windowsX64.savedVectors.map((number) => `xmm${number}`),
  "stack",
];

/** Calls code at an address by the Windows convention; what it changed. */
type WatchCall = (address: bigint, values: Float64Array) => string[];

/** The C caller, or why there is none. */
async function buildCaller(): Promise<WatchCall | string> {
  const folder = await Deno.makeTempDir();
  const source = new URL("fixtures/watch_call.c", import.meta.url).pathname;
  const library = `${folder}/watch_call.so`;
  try {
    const args = ["-O2", "-shared", "-fPIC", "-nostdlib", "-o", library, source];
    const { success, stderr } = await new Deno.Command("gcc", { args }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const { watch_call } = Deno.dlopen(library, {
      watch_call: { parameters: ["pointer", "pointer"], result: "u32" },
    }).symbols;
    return (address, values) => {
      const changed = watch_call(
        Deno.UnsafePointer.create(address),
        Deno.UnsafePointer.of(values as Float64Array<ArrayBuffer>),
      );
      return watchedNames.filter((_, bit) => changed >> bit & 1);
    };
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
    return "gcc is not installed";
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const isCi = Deno.env.get("CI") === "true";
const host = Deno.build.os === "linux" ? openNativeHost() : "this is not Linux";
const support = typeof host === "string" ? null : vectorSupport(host);
const caller = typeof host === "string" ? host : await buildCaller();

function skip(reason: string): void {
  assert.ok(!isCi || Deno.build.os !== "linux" || Deno.build.arch !== "x86_64", reason);
  console.log(`skipped: ${reason}`);
}

/** A test that has the host and the C caller. */
function testCalls(name: string, run: (place: Place, watch: WatchCall) => Promise<void> | void) {
  Deno.test(name, () => {
    if (typeof caller === "string" || typeof host === "string") return skip(String(caller));
    return run((code) => host.place(code).address, caller);
  });
}

type Place = (code: Uint8Array) => bigint;

const noValues = new Float64Array(1);

testCalls("the caller notices each register and the stack", (place, watch) => {
  const changedBy = (write: (code: X64Assembler) => void) => {
    const code = new X64Assembler(32);
    write(code);
    code.vzeroupper();
    code.ret();
    return watch(place(code.finish()), noValues);
  };
  assert.deepEqual(changedBy(() => {}), []);
  for (const name of general) {
    assert.deepEqual(changedBy((code) => code.emit("mov", inRegister(register[name]), 1)), [name]);
  }
  for (let number = 0; number < 16; number++) {
    const vector = inRegister(number);
    const expected = number < 6 ? [] : [`xmm${number}`];
    assert.deepEqual(changedBy((code) => code.emit("vxorps", vector, vector, vector)), expected);
  }
  // Above the return address lie 32 bytes that a function may use, and then what it may not.
  const store = (offset: number) =>
    changedBy((code) => code.emit("mov", inMemory(register.rsp, offset), inRegister(register.rax)));
  for (const offset of [8, 32]) assert.deepEqual(store(offset), []);
  assert.deepEqual(store(40), ["stack"]);
});

testCalls("what the code for Linux keeps is not enough", (place, watch) => {
  const description = portableKernels.find(({ name }) => name === "gemmBlock")!;
  // As for Windows, but for the registers that only Windows keeps.
  const convention = { ...systemV, argument: windowsX64.argument };
  const code = encodeX64(describeKernel(description, 8), 8, convention);
  const values = new Float64Array(32);
  const memory = new Float32Array(4096);
  new BigInt64Array(values.buffer)[0] = addressOfBuffer(memory.buffer);
  const changed = watch(place(code), values);
  assert.ok(changed.includes("xmm6") && changed.includes("rsi"), changed.join());
});

for (
  const [name, query, length] of [
    ["query", processorQuery, answerLength],
    ["name", nameQuery, 7],
    ["caches", cachesQuery, cachesAnswerLength],
  ] as const
) {
  testCalls(`the processor's ${name} is the same by the Windows convention`, (place, watch) => {
    const ask = (call: (values: Float64Array) => void) => {
      const answer = new Float64Array(length);
      call(answer);
      return [...new Int32Array(answer.buffer)];
    };
    const [windows, linux] = [windowsX64, systemV].map((convention) => place(query(convention)));
    const byWatched = ask((values) => assert.deepEqual(watch(windows, values), []));
    assert.deepEqual(byWatched, ask((values) => functionOfValues(linux, values)()));
  });
}

Deno.test("a processor is called what the system calls it", () => {
  if (Deno.build.os !== "linux" || typeof host === "string") return skip(String(host));
  assert.ok(processorName()!.startsWith(`${cpus()[0].model.trim()} (`), processorName()!);
});

for (const lanes of [8, 16] as const) {
  testCalls(
    `kernels of ${lanes} lanes for Windows are right and keep its convention`,
    async (place, watch) => {
      if ((support?.lanes ?? 0) < lanes) {
        // AVX-512 is not on every machine, which is no fault of it.
        return console.log(`skipped: the processor has no vectors of ${lanes} lanes`);
      }
      const memory = createArenaMemory();
      const arena = new Arena(memory);
      const module = await WebAssembly.compile(encodePortableKernels(memory));
      const trusted = instantiateKernels(module, memory.memory);
      const suspect = watchedKernels(lanes, arena.buffer, place, watch);
      const codes = portableKernels.filter(({ name }) => !/^(gemm|pack)/.test(name))
        .map((description) => describeKernel(description, wasmLanes));
      assert.equal(findDifference(codes, trusted, suspect, arena), null);
      assert.equal(findGemmDifference(trusted, suspect, usualTiling(lanes), arena), null);
    },
  );
}

/** All kernels, which fail when they change what is not theirs. */
function watchedKernels(
  lanes: Lanes,
  buffer: ArrayBufferLike,
  place: Place,
  watch: WatchCall,
): KernelTable {
  const hasPairs = lanes === 16 && support!.hasBfloat16;
  const descriptions = [
    ...portableKernels,
    ...(hasPairs
      ? [...gemmOfPairs, ...packInPairs, ...bfloat16Descriptions, ...normToBfloat16]
      : []),
  ];
  return Object.fromEntries(descriptions.map((description) => {
    const address = place(encodeX64(describeKernel(description, lanes), lanes, windowsX64));
    const run = (...numbers: number[]) => {
      const values = Float64Array.of(0, ...numbers);
      new BigInt64Array(values.buffer)[0] = addressOfBuffer(buffer);
      assert.deepEqual(watch(address, values), [], description.name);
    };
    return [description.name, run];
  }));
}
