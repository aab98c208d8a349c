/** What the benches of products share: the backends that start here, and operands. */
import type { Backend } from "../../backends/backend.ts";
import { type CpuBackendOptions, createCpuBackend } from "../../backends/cpu/mod.ts";
import { Generator } from "../../core/generator.ts";

/** A backend for each name; those that cannot start are said and left out. */
export async function openBackends(
  candidates: Readonly<Record<string, CpuBackendOptions>>,
  threads: number,
): Promise<Record<string, Backend>> {
  const backends: Record<string, Backend> = {};
  for (const [name, options] of Object.entries(candidates)) {
    try {
      backends[name] = await createCpuBackend({ threads, ...options });
    } catch (error) {
      console.log((error as Error).message);
    }
  }
  return backends;
}

/** Numbers in [-1, 1), the same for the same size. */
export function values(size: number): Float32Array {
  const random = Generator.from(size);
  return Float32Array.from({ length: size }, () => random.uniform(-1, 1));
}
