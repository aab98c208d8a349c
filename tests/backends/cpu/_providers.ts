import { createCpuBackend } from "../../../backends/cpu/mod.ts";

/** The providers that this machine and the permissions allow. */
export async function availableProviders(): Promise<("wasm" | "native" | "blas")[]> {
  const available: ("wasm" | "native" | "blas")[] = ["wasm"];
  for (const provider of ["native", "blas"] as const) {
    try {
      await (await createCpuBackend({ threads: 1, provider })).dispose();
      available.push(provider);
    } catch {
      console.log(`skipped: the ${provider} provider is not available here`);
    }
  }
  return available;
}
