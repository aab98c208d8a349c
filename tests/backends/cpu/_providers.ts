import { createCpuBackend } from "../../../backends/cpu/mod.ts";

type ProviderName = "wasm" | "native" | "native-avx2" | "blas";

/** Whether machine code must work here: a kernel that fails the self-check is not to be skipped. */
const needsNative = Deno.env.get("CI") === "true" && Deno.build.os === "linux" &&
  Deno.build.arch === "x86_64";

/** The providers that this machine and the permissions allow. */
export async function availableProviders(): Promise<ProviderName[]> {
  const available: ProviderName[] = ["wasm"];
  for (const provider of ["native", "native-avx2", "blas"] as const) {
    try {
      await (await createCpuBackend({ threads: 1, provider })).dispose();
      available.push(provider);
    } catch (error) {
      if (needsNative && provider !== "blas") throw error;
      console.log(`skipped: the ${provider} provider is not available here`);
    }
  }
  return available;
}
