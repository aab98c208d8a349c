/** All jobs; threads name a job by its place in this list. @module */

import { columnSumsJob } from "./column_sums.ts";
import { activationBackwardJob } from "./elementwise.ts";
import { gemmJob } from "./gemm.ts";
import type { Job } from "./job.ts";
import { packJob } from "./pack.ts";

export const jobs: readonly Job[] = [
  packJob,
  gemmJob,
  columnSumsJob,
  activationBackwardJob,
] as unknown as Job[];
