/** What this processor is called, to tell whether it is the one that something was measured on. @module */

import type { CallingConvention } from "./calling_convention.ts";
import { functionOfValues, openNativeHost } from "./executable_memory_ffi.ts";

/**
 * Code that stores eax, ebx, ecx and edx of the three leaves with the processor's brand, 48 bytes of text, and its
 * signature: family, model and stepping. On a virtual machine the brand may be no more than a maker's name.
 */
export const nameQuery = ({ argument }: CallingConvention) =>
  Uint8Array.of(
    ...[0x53], // push rbx
    ...[0x49, 0x89, 0xc0 | argument << 3], // mov r8, argument
    ...[0, 1, 2].flatMap((part) => [
      ...[0xb8, 0x02 + part, 0x00, 0x00, 0x80], // mov eax, 0x80000002 + part
      ...[0x0f, 0xa2], // cpuid
      ...[0x41, 0x89, 0x40, 16 * part], // mov [r8 + 16 part], eax
      ...[0x41, 0x89, 0x58, 16 * part + 4], // mov [r8 + 16 part + 4], ebx
      ...[0x41, 0x89, 0x48, 16 * part + 8], // mov [r8 + 16 part + 8], ecx
      ...[0x41, 0x89, 0x50, 16 * part + 12], // mov [r8 + 16 part + 12], edx
    ]),
    ...[0xb8, 0x01, 0x00, 0x00, 0x00], // mov eax, 1
    ...[0x0f, 0xa2], // cpuid
    ...[0x41, 0x89, 0x40, 0x30], // mov [r8 + 48], eax
    ...[0x5b], // pop rbx
    ...[0xc3], // ret
  );

/**
 * The processor's own name where machine code runs, elsewhere the system and architecture; null without
 * `--allow-ffi`, where there is nothing to choose between.
 */
export function processorName(): string | null {
  const { os, arch } = Deno.build;
  if (Deno.permissions.querySync({ name: "ffi" }).state !== "granted") return null;
  const host = openNativeHost();
  if (typeof host === "string") return `${os} ${arch}`;
  const code = host.place(nameQuery(host.convention));
  const answer = new Float64Array(7);
  functionOfValues(code.address, answer)();
  code.free();
  const brand = new TextDecoder().decode(new Uint8Array(answer.buffer, 0, 48));
  const [signature] = new Uint32Array(answer.buffer, 48);
  const name = brand.replace(/\0.*/s, "").trim().replace(/\s+/g, " ");
  return `${name || `${os} ${arch}`} (${signature.toString(16)})`;
}
