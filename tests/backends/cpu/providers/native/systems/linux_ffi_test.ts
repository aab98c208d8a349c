/** How Linux is asked for tile registers, against a stand-in for libc. */

import assert from "node:assert/strict";
import { openLinux } from "../../../../../../backends/cpu/providers/native/systems/linux_ffi.ts";

/** Opens a system whose `syscall` notes its arguments and answers `answer`. */
function openWith(answer: bigint) {
  const calls: bigint[][] = [];
  const syscall = (...values: bigint[]) => {
    calls.push(values);
    return answer;
  };
  const { dlopen } = Deno;
  try {
    Deno.dlopen = (() => ({ symbols: { syscall } })) as unknown as typeof Deno.dlopen;
    return { system: openLinux(), calls };
  } finally {
    Deno.dlopen = dlopen;
  }
}

/** arch_prctl(ARCH_REQ_XCOMP_PERM, XTILEDATA) */
const request = [158n, 0x1023n, 18n];

Deno.test("Linux is asked for tiles once, and not before they are wanted", () => {
  const { system, calls } = openWith(0n);
  assert.deepEqual(calls, []);
  assert.equal(system.askForTiles(), null);
  assert.equal(system.askForTiles(), null);
  assert.deepEqual(calls, [request]);
});

Deno.test("a refusal is a reason to do without tiles, and is not asked for again", () => {
  const { system, calls } = openWith(-1n);
  assert.match(system.askForTiles()!, /Linux.*refuses them to this process/);
  assert.match(system.askForTiles()!, /refuses/);
  assert.deepEqual(calls, [request]);
});
