/** Worker thread under Deno and Node. @module */

import { workerData } from "node:worker_threads";
import { serveJobs, type WorkerSetup } from "./serve_jobs.ts";

serveJobs(workerData as WorkerSetup);
