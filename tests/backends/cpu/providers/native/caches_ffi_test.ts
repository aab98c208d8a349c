import assert from "node:assert/strict";
import { assumedCaches } from "../../../../../backends/cpu/products/caches.ts";
import {
  cachesAnswerLength,
  cachesOf,
  readCaches,
} from "../../../../../backends/cpu/providers/native/caches_ffi.ts";
import { openNativeHost } from "../../../../../backends/cpu/providers/native/executable_memory_ffi.ts";

/** eax, ebx, ecx and edx of the first four caches. */
type Leaf = readonly (readonly [number, number, number, number])[];

const nothing: Leaf = Array.from({ length: 4 }, () => [0, 0, 0, 0]);

/** What leaf 4 and leaf 0x8000001d say. That of Zen 4 was read from one; the others follow the makers' tables. */
const answers: Record<string, { leaf4: Leaf; leafAmd: Leaf; kib: [number, number] }> = {
  "Zen 4 in a virtual machine": {
    leaf4: nothing,
    leafAmd: [
      [0x00000121, 0x01c0003f, 0x0000003f, 0],
      [0x00000122, 0x01c0003f, 0x0000003f, 0],
      [0x00000143, 0x01c0003f, 0x000007ff, 2],
      [0x00004163, 0x03c0003f, 0x00007fff, 1],
    ],
    kib: [32, 1024],
  },
  "Zen 4 with two threads a core": {
    leaf4: nothing,
    leafAmd: [
      [0x00004121, 0x01c0003f, 0x0000003f, 0],
      [0x00004122, 0x01c0003f, 0x0000003f, 0],
      [0x00004143, 0x01c0003f, 0x000007ff, 2],
      [0x0003c163, 0x03c0003f, 0x00007fff, 1],
    ],
    kib: [32, 1024],
  },
  "Sapphire Rapids": {
    leaf4: [
      [0xfc004121, 0x02c0003f, 0x0000003f, 0],
      [0xfc004122, 0x01c0003f, 0x0000003f, 0],
      [0xfc004143, 0x03c0003f, 0x000007ff, 0],
      [0xfc1fc163, 0x0380003f, 0x0001bfff, 4],
    ],
    // Intel's answer to a leaf it does not know is that to its last one.
    leafAmd: Array.from({ length: 4 }, () => [0x00000121, 0x7fffffff, 0x0fffffff, 0]),
    kib: [48, 2048],
  },
  "Skylake-X": {
    leaf4: [
      [0x3c004121, 0x01c0003f, 0x0000003f, 0],
      [0x3c004122, 0x01c0003f, 0x0000003f, 0],
      [0x3c004143, 0x03c0003f, 0x000003ff, 0],
      [0x3c07c163, 0x0280003f, 0x00004fff, 4],
    ],
    leafAmd: nothing,
    kib: [32, 1024],
  },
  "Haswell, a desktop with AVX2": {
    leaf4: [
      [0x1c004121, 0x01c0003f, 0x0000003f, 0],
      [0x1c004122, 0x01c0003f, 0x0000003f, 0],
      [0x1c004143, 0x01c0003f, 0x000001ff, 0],
      [0x1c03c163, 0x03c0003f, 0x00001fff, 6],
    ],
    leafAmd: nothing,
    kib: [32, 256],
  },
  "four small cores that share 2 MiB": {
    leaf4: [
      [0x7c000121, 0x01c0003f, 0x0000003f, 0],
      [0x7c000122, 0x01c0003f, 0x0000007f, 0],
      [0x7c01c143, 0x03c0003f, 0x000007ff, 0],
      [0x7c0fc163, 0x0380003f, 0x00007fff, 4],
    ],
    leafAmd: nothing,
    kib: [32, 512],
  },
};

for (const [name, { leaf4, leafAmd, kib }] of Object.entries(answers)) {
  Deno.test(`readCaches() reads the answer of ${name}`, () => {
    const answer = Uint32Array.from([...leaf4, ...leafAmd].flat());
    assert.equal(answer.byteLength, cachesAnswerLength * 8);
    const { firstLevel, secondLevel } = readCaches(answer);
    assert.deepEqual([firstLevel / 1024, secondLevel / 1024], kib);
  });
}

Deno.test("readCaches() takes the usual sizes where there is no answer, or an odd one", () => {
  assert.deepEqual(readCaches(new Uint32Array(32)), assumedCaches);
  assert.deepEqual(readCaches(new Uint32Array(32).fill(0xffffffff)), assumedCaches);
  const odd = [[0x121, 0, 0, 0], [0x143, 0xffc0003f, 0xffffff, 0]].flat();
  assert.deepEqual(readCaches(Uint32Array.from([...odd, ...new Array(24).fill(0)])), assumedCaches);
});

Deno.test("the processor's own caches are those that the system names", async () => {
  const host = openNativeHost();
  if (typeof host === "string" || Deno.build.os !== "linux") return;
  const { firstLevel, secondLevel } = cachesOf(host);
  for (const [index, least] of [[0, firstLevel], [2, secondLevel]] as const) {
    const path = `/sys/devices/system/cpu/cpu0/cache/index${index}/size`;
    const text = await Deno.readTextFile(path).catch(() => null);
    // Shared by several cores, it is a part of it.
    if (text !== null) assert.equal(parseInt(text) * 1024 % least, 0, path);
  }
});
