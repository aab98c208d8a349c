/** The kernels to encode and the fused kernels, both derived from the list of ops. @module */

import type { Kernels } from "../../kernels.ts";
import type { KernelDescription } from "../code/kernel_builder.ts";
import { descriptions as columnSums } from "../column_sums/description.ts";
import { descriptions as memory } from "../memory/description.ts";
import { descriptions as gemm, descriptionsFor as gemmFor } from "../products/gemm/description.ts";
import { descriptions as pack } from "../products/pack/description.ts";
import type { Runtime } from "../runtime.ts";
import { descriptions as tfjs } from "../tfjs/description.ts";
import { encodeKernels, hasRelaxedSimd, type MemoryKind } from "../wasm/encode_kernels.ts";
import type { CpuKernel } from "./cpu_kernel.ts";
import * as listed from "./mod.ts";

const kernels: { readonly [Name in keyof Kernels]-?: CpuKernel<Name> } = listed;

/** Every kernel that jobs and ops call, to be encoded for any number of lanes. */
export const portableKernels: readonly KernelDescription[] = [
  ...[memory, columnSums, gemm, pack, tfjs],
  ...Object.values(kernels).map(({ descriptions }) => descriptions),
].flat();

/** Every kernel of {@link Kernels}. */
export function createFusedKernels(runtime: Runtime): Kernels {
  const created = Object.entries(kernels).map(([name, { create }]) => [name, create(runtime)]);
  return Object.fromEntries(created);
}

const encoded = new Map<string, Uint8Array<ArrayBuffer>>();

/**
 * The bytes of the WebAssembly module for this kind of memory; encoded once. With `loadsMore`, products
 * take more loads and fewer shuffles: the same bits, and which is faster depends on the processor.
 */
export function encodePortableKernels(
  { addressBits, isShared, maximumBytes }: MemoryKind,
  loadsMore = false,
): Uint8Array<ArrayBuffer> {
  const key = [addressBits, isShared, maximumBytes, loadsMore].join();
  const known = encoded.get(key);
  if (known !== undefined) return known;
  const memory = { addressBits, isShared, maximumBytes };
  const own = new Map(gemmFor(undefined, loadsMore).map((kernel) => [kernel.name, kernel]));
  const descriptions = portableKernels.map((kernel) => own.get(kernel.name) ?? kernel);
  const bytes = encodeKernels(descriptions, memory, hasRelaxedSimd());
  encoded.set(key, bytes);
  return bytes;
}
