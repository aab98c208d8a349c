/**
 * The `native` provider: the portable kernels as AVX2 or AVX-512 machine code, called through FFI.
 *
 * @module
 */

import { concatBytes } from "../../../../core/concatenate.ts";
import { describeKernel, type KernelDescription } from "../../code/kernel_builder.ts";
import { portableKernels } from "../../kernels/kernel_table.ts";
import { bfloat16Descriptions as normToBfloat16 } from "../../kernels/layer_norm/description.ts";
import { bfloat16Descriptions as narrow } from "../../kernels/linear/description.ts";
import { descriptions as tiles } from "../../products/amx/description.ts";
import { descriptionsFor as gemmFor } from "../../products/gemm/description.ts";
import { pairDescriptions as gemmOfPairs } from "../../products/gemm/description.ts";
import { descriptionsFor as packFor } from "../../products/pack/description.ts";
import { pairDescriptions as packInPairs } from "../../products/pack/description.ts";
import { usualTiling, type WideTiling, wideTiling as cutAs } from "../../products/tile.ts";
import { encodeX64 } from "./encode_kernel.ts";
import { openNativeHost } from "./executable_memory_ffi.ts";
import type { Lanes, NativeCode } from "./native_code.ts";
import { cachesOf } from "./caches_ffi.ts";
import { vectorSupport } from "./processor_ffi.ts";
import type { NativeHost } from "./systems/system_ffi.ts";

interface EncodedKernel {
  readonly name: string;
  readonly code: Uint8Array;
}

interface Placed {
  readonly native: NativeCode;
  readonly codes: readonly EncodedKernel[];
}

/** Of what the processor can do, what is to be used. */
export interface NativeLimits {
  readonly mostLanes: Lanes;
  /** Tile registers. */
  readonly useAmx: boolean;
  /** How products in float32 are cut with 16 lanes, if not as usual. */
  readonly wideTiling?: WideTiling | undefined;
}

/**
 * The code depends on nothing but the processor and the limits: one copy serves every backend of the
 * process.
 */
const placed = new Map<string, Placed>();

/** Encodes and places all kernels for this processor; returns the reason if that is not possible. */
export function placeNativeKernels(
  { mostLanes, useAmx, wideTiling }: NativeLimits,
  dump: (name: string, bytes: Uint8Array) => void,
): NativeCode | string {
  const host = openNativeHost();
  if (typeof host === "string") return host;
  const support = vectorSupport(host);
  if (support === null) return "the processor lacks AVX2 or FMA";
  const lanes = support.lanes > mostLanes ? mostLanes : support.lanes;
  const hasBfloat16 = support.hasBfloat16 && lanes === 16;
  if (useAmx) {
    const refusal = support.hasTiles && lanes === 16
      ? host.askForTiles()
      : "the processor has none";
    if (refusal !== null) return `no tile registers (AMX): ${refusal}`;
  }
  const caches = cachesOf(host);
  const tiling = usualTiling(lanes, caches);
  const key = `${lanes} ${useAmx}`;
  const known = placeOnce(host, key, { lanes, hasBfloat16, hasTiles: useAmx, tiling }, () => [
    ...portableKernels,
    ...(hasBfloat16 ? [...gemmOfPairs, ...packInPairs, ...narrow, ...normToBfloat16] : []),
    ...(useAmx ? tiles : []),
  ]);
  const native = dumped(known, dump);
  if (wideTiling === undefined || lanes !== 16) return native;
  const other = cutAs(wideTiling, caches);
  const cut = placeOnce(host, `${key} ${wideTiling}`, { ...native, tiling: other }, () => [
    ...gemmFor(other),
    ...packFor(other),
  ]);
  return dumped(cut, dump);
}

function dumped({ native, codes }: Placed, dump: (name: string, bytes: Uint8Array) => void) {
  for (const { name, code } of codes) dump(`${name}.x64`, code);
  return native;
}

/** Encodes and places these kernels; `about.addresses` has others, placed before. */
function placeOnce(
  host: NativeHost,
  key: string,
  about: Omit<NativeCode, "addresses"> & Partial<NativeCode>,
  descriptions: () => readonly KernelDescription[],
): Placed {
  let known = placed.get(key);
  if (known === undefined) {
    const codes = descriptions().map((description) => ({
      name: description.name,
      code: encodeX64(describeKernel(description, about.lanes), about.lanes, host.convention),
    }));
    const addresses = { ...about.addresses, ...place(host, codes) };
    known = { native: { ...about, addresses }, codes };
    placed.set(key, known);
  }
  return known;
}

function place(host: NativeHost, codes: readonly EncodedKernel[]): NativeCode["addresses"] {
  let end = host.place(concatBytes(codes.map(({ code }) => code))).address;
  return Object.fromEntries(codes.map(({ name, code }) => {
    const start = end;
    end += BigInt(code.length);
    return [name, start];
  }));
}
