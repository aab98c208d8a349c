/** How a command joins the processes that share its work. */
import { path, text } from "./command.ts";

/** Flags of every command that several processes can share. */
export const jobFlags = {
  launcher: text(
    "none: a single process; mpi: one of several. Default: mpi if mpirun or srun started it.",
    { placeholder: "NAME", complete: () => ["none", "mpi"] },
  ),
  mpiLibrary: path("The MPI library that belongs to your mpirun; default: found by name.", {
    placeholder: "FILE",
  }),
};
