import { createCpuBackend } from "../../../backends/cpu/mod.ts";

type ProviderName = "wasm" | "native" | "native-avx2" | "blas";

/** The providers that this machine and the permissions allow. */
export async function availableProviders(): Promise<ProviderName[]> {
  const available: ProviderName[] = ["wasm"];
  for (const provider of ["native", "native-avx2", "blas"] as const) {
    try {
      await (await createCpuBackend({ threads: 1, provider })).dispose();
      available.push(provider);
    } catch {
      console.log(`skipped: the ${provider} provider is not available here`);
    }
  }
  return available;
}
