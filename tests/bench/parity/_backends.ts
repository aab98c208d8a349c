import type { Backend } from "../../../backends/backend.ts";
import { createBackend } from "../../../backends/mod.ts";
import { messageOf } from "../../../core/errors.ts";

/** The backends that hold themselves to the golden numbers. */
export const testedBackends = ["reference", "cpu", "webgpu"] as const;

/**
 * Runs `work` on a backend of its own. Without an adapter `webgpu` is left out, with the reason on the
 * console; not in CI, where it must start.
 */
export async function withBackend(
  name: typeof testedBackends[number],
  work: (backend: Backend) => Promise<void>,
): Promise<void> {
  let backend: Backend;
  try {
    backend = (await createBackend(name)).backend;
  } catch (error) {
    if (name !== "webgpu" || Deno.env.get("CI") === "true") throw error;
    console.log(`webgpu is not tested: ${messageOf(error)}`);
    return;
  }
  try {
    await work(backend);
  } finally {
    await backend.dispose();
  }
}
