/** All jobs; threads name a job by its place in this list. @module */

import { adamWJob, gradientSquaresJob } from "./adam_w.ts";
import { attentionBackwardJob, attentionJob } from "./attention.ts";
import { columnSumsJob } from "./column_sums.ts";
import * as elementwiseJobs from "./elementwise.ts";
import { gemmJob } from "./gemm.ts";
import type { Job } from "./job.ts";
import { libraryProductJob } from "./library_product.ts";
import { packJob } from "./pack.ts";
import * as rowJobs from "./row_jobs.ts";

function isJob(value: unknown): value is Job {
  return typeof value === "object" && value !== null && "fields" in value;
}

export const jobs: readonly Job[] = [
  packJob,
  gemmJob,
  libraryProductJob,
  columnSumsJob,
  attentionJob,
  attentionBackwardJob,
  gradientSquaresJob,
  adamWJob,
  ...[...Object.values(elementwiseJobs), ...Object.values(rowJobs)].filter(isJob),
] as readonly unknown[] as readonly Job[];
