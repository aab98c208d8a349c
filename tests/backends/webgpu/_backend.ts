/** The adapter of this machine for the tests, or why there is none. @module */
import {
  createWebgpuBackend,
  type WebgpuBackend,
  type WebgpuOptions,
} from "../../../backends/webgpu/mod.ts";
import { messageOf } from "../../../core/errors.ts";

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

const hasAdapter = await createWebgpuBackend().then(
  (backend) => backend.dispose().then(() => true),
  (error) => {
    console.warn(`WebGPU tests are skipped: ${messageOf(error)}`);
    return false;
  },
);
