/** Whether this machine has an adapter for the tests. @module */
import { requestAdapter } from "../../../backends/webgpu/mod.ts";
import { messageOf } from "../../../core/errors.ts";

/** false where there is none, with the reason on the console; an error in CI, which must have one. */
export const hasAdapter: boolean = await requestAdapter().then(
  () => true,
  (error) => {
    if (Deno.env.get("CI") === "true") throw error;
    console.warn(`WebGPU tests are skipped: ${messageOf(error)}`);
    return false;
  },
);
