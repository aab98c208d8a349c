/** Worker thread under Deno and Node. @module */

import { attachForeignKernels } from "../providers/foreign_kernels.ts";
import { serveJobs, type WorkerSetup } from "./serve_jobs.ts";
import { workerData } from "node:worker_threads";

const setup = workerData as WorkerSetup;
const { foreign, memory, thread } = setup;
serveJobs(
  setup,
  foreign === null ? {} : await attachForeignKernels(foreign, memory.buffer, thread),
);
