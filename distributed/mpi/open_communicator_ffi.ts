/**
 * From how a process was started to its communicator.
 *
 * @module
 */

import { UserError } from "../../core/errors.ts";
import type { Communicator } from "../communicator.ts";
import { single } from "../single.ts";
import { MpiCommunicator } from "./communicator_ffi.ts";
import { findLaunch } from "./launch_ffi.ts";
import { openLibrary } from "./library_ffi.ts";

/** How to find the other processes. */
export interface CommunicatorOptions {
  /** `none` for a single process, `mpi` for one of several; default: MPI if `mpirun` or `srun` started it. */
  readonly launcher?: string | undefined;
  /** The MPI library's file; default: the one found by name. */
  readonly mpiLibrary?: string | undefined;
}

/** mmselfsup's launchers that are not MPI. */
const foreignLaunchers: Readonly<Record<string, string>> = {
  pytorch: "start it with `mpirun -n 8 deno task …` and omit --launcher",
  slurm: "start it with `srun --mpi=pmix deno task …` and omit --launcher",
};

/**
 * Joins the job that this process belongs to, or returns {@link single} if it is alone. After a failure, call
 * {@link Communicator.abort} so that the other ranks do not wait.
 *
 * @throws UserError for an unknown launcher, or if MPI is requested and there is none
 */
export async function openCommunicator(
  { launcher, mpiLibrary }: CommunicatorOptions = {},
): Promise<Communicator> {
  if (launcher === "none") return single;
  if (launcher !== undefined && launcher !== "mpi") {
    throw new UserError(`Cannot use --launcher ${launcher}: mimic supports none and mpi`, {
      hint: foreignLaunchers[launcher] ?? "omit --launcher to detect it",
    });
  }
  const launch = findLaunch();
  if (launch === null && launcher === undefined) return single;
  const library = openLibrary(mpiLibrary ?? null, launch?.isOpenMpi ?? false);
  return await MpiCommunicator.join(library);
}
