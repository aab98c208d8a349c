/**
 * Whether, and by whom, this process was started as one of several.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";

/** The variables set by launchers that mimic reads. */
export const launchVariables = [
  "OMPI_COMM_WORLD_RANK",
  "OMPI_COMM_WORLD_SIZE",
  "PMIX_RANK",
  "PMI_RANK",
  "PMI_SIZE",
  "SLURM_STEP_NUM_TASKS",
] as const;

type Variable = typeof launchVariables[number];

/** A process in a job, as described by its launcher before the library is asked. */
export interface Launch {
  /** From 0. */
  readonly rank: number;
  readonly isOpenMpi: boolean;
}

function readPermitted(name: Variable): string | undefined {
  const { state } = Deno.permissions.querySync({ name: "env", variable: name });
  return state === "granted" ? Deno.env.get(name) : undefined;
}

/**
 * How this process was started; null if it is alone.
 *
 * @throws UserError under `srun` without MPI, where every task would be a separate run
 */
export function findLaunch(
  read: (name: Variable) => string | undefined = readPermitted,
): Launch | null {
  const sizes = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"] as const;
  const size = sizes.map(read).find((value) => value !== undefined);
  if (size === "1") return null;
  const openMpiRank = read("OMPI_COMM_WORLD_RANK");
  const rank = openMpiRank ?? read("PMIX_RANK") ?? read("PMI_RANK");
  if (rank !== undefined) return { rank: Number(rank), isOpenMpi: openMpiRank !== undefined };
  if (read("SLURM_STEP_NUM_TASKS") !== undefined) {
    throw new UserError("Cannot join the job: srun started several tasks without MPI", {
      hint: "use srun --mpi=pmix (or pmi2), or --launcher none for separate runs",
    });
  }
  return null;
}
