/** The processor's caches, as it reports them: leaf 4 of Intel's, leaf 0x8000001d of AMD's. @module */

import { assumedCaches, type Caches } from "../../products/caches.ts";
import type { CallingConvention } from "./calling_convention.ts";
import { functionOfValues } from "./executable_memory_ffi.ts";
import type { NativeHost } from "./systems/system_ffi.ts";

/** The bytes of their numbers. */
const leaves = [[0x04, 0x00, 0x00, 0x00], [0x1d, 0x00, 0x00, 0x80]] as const;
/** Of each leaf, the first four caches: data and instructions of level 1, level 2 and level 3. */
const questions = leaves.flatMap((leaf) => [0, 1, 2, 3].map((cache) => ({ leaf, cache })));

/** Code that stores eax, ebx, ecx and edx of each question, 128 bytes. */
export const cachesQuery = ({ argument }: CallingConvention) =>
  Uint8Array.of(
    ...[0x53], // push rbx
    ...[0x49, 0x89, 0xc0 | argument << 3], // mov r8, argument
    ...questions.flatMap(({ leaf, cache }, index) => [
      ...[0xb8, ...leaf], // mov eax, leaf
      ...[0xb9, cache, 0x00, 0x00, 0x00], // mov ecx, cache
      ...[0x0f, 0xa2], // cpuid
      ...[0x41, 0x89, 0x40, 16 * index], // mov [r8 + 16 index], eax
      ...[0x41, 0x89, 0x58, 16 * index + 4], // mov [r8 + 16 index + 4], ebx
      ...[0x41, 0x89, 0x48, 16 * index + 8], // mov [r8 + 16 index + 8], ecx
      ...[0x41, 0x89, 0x50, 16 * index + 12], // mov [r8 + 16 index + 12], edx
    ]),
    ...[0x5b], // pop rbx
    ...[0xc3], // ret
  );

/** Float64 that hold the answer. */
export const cachesAnswerLength = 16;

const registersPerLeaf = 16;
/** What a cache holds, in the lowest bits of eax. */
const [noCache, instructions] = [0, 2];
/** Sizes that a data cache of a level may have; others are a virtual machine's invention. */
const believable = [[8 << 10, 1 << 20], [128 << 10, 64 << 20]];

/**
 * The caches in an answer to {@link cachesQuery}. A processor knows one of the leaves; the other is empty, or
 * on Intel's a copy of another leaf. Where it does not say, the size is the usual one.
 */
export function readCaches(answer: Uint32Array): Caches {
  const answers = [answer.subarray(0, registersPerLeaf), answer.subarray(registersPerLeaf)];
  const known = answers.find(([eax]) => (eax & 31) !== noCache) ?? answers[0];
  return {
    firstLevel: bytesOf(known, 1) ?? assumedCaches.firstLevel,
    secondLevel: bytesOf(known, 2) ?? assumedCaches.secondLevel,
  };
}

function bytesOf(leaf: Uint32Array, wanted: number): number | null {
  for (let at = 0; at < leaf.length; at += 4) {
    const [eax, ebx, ecx] = leaf.subarray(at, at + 3);
    const kind = eax & 31;
    if (kind === noCache || kind === instructions || (eax >>> 5 & 7) !== wanted) continue;
    const [ways, partitions, line] = [ebx >>> 22, ebx >>> 12 & 1023, ebx & 4095];
    const bytes = (ways + 1) * (partitions + 1) * (line + 1) * (ecx + 1);
    // Two are the threads of a core, of which we use one; more are several cores.
    const sharing = Math.max(1, ((eax >>> 14 & 4095) + 1) / 2);
    const [least, most] = believable[wanted - 1];
    return bytes >= least && bytes <= most ? Math.floor(bytes / sharing) : null;
  }
  return null;
}

let known: Caches | undefined;

/** The caches of this processor. */
export function cachesOf(host: NativeHost): Caches {
  if (known !== undefined) return known;
  const code = host.place(cachesQuery(host.convention));
  const answer = new Float64Array(cachesAnswerLength);
  functionOfValues(code.address, answer)();
  code.free();
  return known = readCaches(new Uint32Array(answer.buffer));
}
