/** GPUs that idled run slowly at first: their clocks come up within some tenths of a second. */

import type { Runtime } from "../../backends/webgpu/runtime.ts";

/** Has `runtime` do `work` again and again for half a second. */
export async function warmUp(runtime: Runtime, work: () => void): Promise<void> {
  const start = performance.now();
  while (performance.now() - start < 500) {
    work();
    runtime.flush();
    await runtime.queue.onSubmittedWorkDone();
  }
}
