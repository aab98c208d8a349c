/** What the processor can do, as it reports itself. @module */

import type { CallingConvention } from "./calling_convention.ts";
import { functionOfValues } from "./executable_memory_ffi.ts";
import type { Lanes } from "./native_code.ts";
import type { NativeHost } from "./systems/system_ffi.ts";

/**
 * Asks for leaf 1, both parts of leaf 7 and, where the system saves extended registers, which ones;
 * stores ecx of leaf 1, ebx of leaf 7, the low half of xcr0, eax of leaf 7's second part and edx of leaf 7
 * as int32.
 */
export const processorQuery = ({ argument }: CallingConvention) =>
  Uint8Array.of(
    ...[0x53], // push rbx
    ...[0x49, 0x89, 0xc0 | argument << 3], // mov r8, argument
    ...[0xb8, 0x01, 0x00, 0x00, 0x00], // mov eax, 1
    ...[0x31, 0xc9], // xor ecx, ecx
    ...[0x0f, 0xa2], // cpuid
    ...[0x41, 0x89, 0x08], // mov [r8], ecx
    ...[0x41, 0x89, 0xc9], // mov r9d, ecx
    ...[0xb8, 0x07, 0x00, 0x00, 0x00], // mov eax, 7
    ...[0x31, 0xc9], // xor ecx, ecx
    ...[0x0f, 0xa2], // cpuid
    ...[0x41, 0x89, 0x58, 0x04], // mov [r8 + 4], ebx
    ...[0x41, 0x89, 0x50, 0x10], // mov [r8 + 16], edx
    ...[0xb8, 0x07, 0x00, 0x00, 0x00], // mov eax, 7
    ...[0xb9, 0x01, 0x00, 0x00, 0x00], // mov ecx, 1
    ...[0x0f, 0xa2], // cpuid
    ...[0x41, 0x89, 0x40, 0x0c], // mov [r8 + 12], eax
    ...[0x31, 0xc0], // xor eax, eax
    ...[0x41, 0x0f, 0xba, 0xe1, 0x1b], // bt r9d, 27
    ...[0x73, 0x05], // jnc over the next two
    ...[0x31, 0xc9], // xor ecx, ecx
    ...[0x0f, 0x01, 0xd0], // xgetbv
    ...[0x41, 0x89, 0x40, 0x08], // mov [r8 + 8], eax
    ...[0x5b], // pop rbx
    ...[0xc3], // ret
  );

const bits = (...places: number[]) => places.reduce((all, place) => all | 1 << place, 0);

/** Float64 that hold the answer. */
export const answerLength = 3;

/**
 * What must be there: bits of ecx of leaf 1, of ebx of leaf 7, of its second part's eax, of leaf 7's edx, of
 * xcr0.
 */
const fmaExtendedSaveAvx = bits(12, 27, 28);
const avx2 = bits(5);
const avx512 = bits(16, 17); // F and DQ
const avx512Words = bits(30); // BW
const avx512Bfloat16 = bits(5);
const amxTilesBfloat16 = bits(22, 24);
const savedByAvx = bits(1, 2);
const savedByAvx512 = bits(1, 2, 5, 6, 7);
const savedByAmx = bits(17, 18);

/** The vectors that a processor computes with. */
export interface VectorSupport {
  readonly lanes: Lanes;
  /** Whether it multiplies pairs of bfloat16. */
  readonly hasBfloat16: boolean;
  /** Whether it has tile registers (AMX) that do so; a process must ask the system for them besides. */
  readonly hasTiles: boolean;
}

/**
 * The widest vectors that the processor computes with and whose registers the system keeps: 16 lanes with
 * AVX-512, 8 with AVX2 and FMA; null if there are neither.
 */
export function vectorSupport(host: NativeHost): VectorSupport | null {
  const code = host.place(processorQuery(host.convention));
  const answer = new Float64Array(answerLength);
  functionOfValues(code.address, answer)();
  code.free();
  const [leaf1, leaf7, saved, leaf7Second, leaf7Last] = new Int32Array(answer.buffer);
  const has = (found: number, wanted: number) => (found & wanted) === wanted;
  const isEnough = has(leaf1, fmaExtendedSaveAvx) && has(leaf7, avx2) && has(saved, savedByAvx);
  if (!isEnough) return null;
  const isWide = has(leaf7, avx512) && has(saved, savedByAvx512);
  const hasBfloat16 = isWide && has(leaf7, avx512Words) && has(leaf7Second, avx512Bfloat16);
  const hasTiles = hasBfloat16 && has(leaf7Last, amxTilesBfloat16) && has(saved, savedByAmx);
  return { lanes: isWide ? 16 : 8, hasBfloat16, hasTiles };
}
