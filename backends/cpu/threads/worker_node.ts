/** Worker thread under Deno and Node. @module */

import { workerData } from "node:worker_threads";
import type { KernelTable } from "../jobs/job.ts";
import { serveJobs, type WorkerSetup } from "./serve_jobs.ts";

/** This thread's entries into the machine code, if there is any. */
async function attach({ native, memory, thread }: WorkerSetup): Promise<KernelTable> {
  if (native === null) return {};
  const { attachNativeKernels } = await import("../providers/native/native_kernels_ffi.ts");
  return attachNativeKernels(native, memory.buffer, thread);
}

const setup = workerData as WorkerSetup;
serveJobs(setup, await attach(setup));
