/** The calls of the Windows host, in the order in which they are made, against a stand-in for its libraries. */

import assert from "node:assert/strict";
import { windowsX64 } from "../../../../../../backends/cpu/providers/native/calling_convention.ts";
import { openWindows } from "../../../../../../backends/cpu/providers/native/systems/windows_ffi.ts";

/** Runs `work` with libraries that note their calls and keep all memory in one buffer. */
function withLibraries(
  { protects = true }: { protects?: boolean },
  work: (memory: Uint8Array<ArrayBuffer>) => void,
): string[] {
  const memory = new Uint8Array(8192);
  const calls: string[] = [];
  const name = (bytes: bigint | number) => `0x${bytes.toString(16)}`;
  const functions = {
    VirtualAlloc: (at: null, bytes: bigint, kind: number, protection: number) => {
      calls.push(`VirtualAlloc ${at} ${bytes} ${name(kind)} ${name(protection)}`);
      return Deno.UnsafePointer.of(memory);
    },
    VirtualProtect: (_: unknown, bytes: bigint, protection: number, previous: Uint32Array) => {
      calls.push(`VirtualProtect ${bytes} ${name(protection)} [${memory.slice(0, 3)}]`);
      previous[0] = 0x04;
      return protects ? 1 : 0;
    },
    VirtualFree: (_: unknown, bytes: bigint, kind: number) => {
      calls.push(`VirtualFree ${bytes} ${name(kind)}`);
      return 1;
    },
    FlushInstructionCache: (process: Deno.PointerValue, _: unknown, bytes: bigint) => {
      calls.push(`FlushInstructionCache ${name(Deno.UnsafePointer.value(process))} ${bytes}`);
      return 1;
    },
    bsearch: () => {},
  };
  const { dlopen } = Deno;
  const standIn = (library: string, symbols: object) => {
    calls.push(`dlopen ${library} ${Object.keys(symbols).join(" ")}`);
    return { symbols: functions };
  };
  try {
    Deno.dlopen = standIn as unknown as typeof Deno.dlopen;
    work(memory);
  } finally {
    Deno.dlopen = dlopen;
  }
  return calls;
}

const opening = [
  "dlopen kernel32.dll VirtualAlloc VirtualProtect VirtualFree FlushInstructionCache",
  "dlopen ucrtbase.dll bsearch",
];
const [readWrite, readExecute, commitAndReserve, release] = ["0x4", "0x20", "0x3000", "0x8000"];

Deno.test("code is written, and only then made executable and no longer writable", () => {
  const calls = withLibraries({}, (memory) => {
    const host = openWindows();
    assert.equal(host.convention, windowsX64);
    const code = host.place(Uint8Array.of(1, 2, 3));
    assert.equal(code.address, Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory)));
    code.free();
  });
  assert.deepEqual(calls, [
    ...opening,
    `VirtualAlloc null 3 ${commitAndReserve} ${readWrite}`,
    `VirtualProtect 3 ${readExecute} [1,2,3]`,
    "FlushInstructionCache 0xffffffffffffffff 3",
    `VirtualFree 0 ${release}`,
  ]);
});

Deno.test("memory that Windows does not let become executable is given back", () => {
  const calls = withLibraries({ protects: false }, () => {
    const host = openWindows();
    assert.throws(
      () => host.place(Uint8Array.of(1, 2, 3)),
      /^Error: Cannot place machine code: the system forbids making it executable$/,
    );
  });
  assert.equal(calls.at(-1), `VirtualFree 0 ${release}`);
});
