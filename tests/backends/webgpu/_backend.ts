/** The adapter of this machine for the tests. @module */
import {
  createWebgpuBackend,
  type WebgpuBackend,
  type WebgpuOptions,
} from "../../../backends/webgpu/mod.ts";
import { hasAdapter } from "./_adapter.ts";

/** Runs `body` with a fresh backend; without an adapter the test is skipped and says so. */
export function webgpuTest(
  name: string,
  body: (backend: WebgpuBackend) => Promise<void>,
  options: WebgpuOptions = {},
): void {
  Deno.test(
    name,
    { sanitizeOps: false, sanitizeResources: false, ignore: !hasAdapter },
    async () => {
      const backend = await createWebgpuBackend(options);
      try {
        await body(backend);
      } finally {
        await backend.dispose();
      }
    },
  );
}
