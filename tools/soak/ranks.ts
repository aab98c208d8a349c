/** Runs over several ranks, of which one, or the launcher, is killed. @module */
import { denoWords, send, strikeRuns, type Striking } from "./runs.ts";
import type { SoakPart } from "./part.ts";

/** OpenMPI settings for more ranks than processors, as any user. */
const environment = {
  NO_COLOR: "1",
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  OMPI_MCA_hwloc_base_binding_policy: "none",
  OMPI_MCA_mpi_yield_when_idle: "1",
  OMPI_MCA_btl: "self,vader",
  OMPI_MCA_btl_vader_single_copy_mechanism: "none",
};

/** Processes that a process has started. */
function childrenOf(pid: number): number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`).trim();
    return text === "" ? [] : text.split(" ").map(Number);
  } catch {
    return [];
  }
}

const striking: Striking = {
  name: "ranks",
  title: "Runs on two ranks of which one, or all and the launcher, are killed, and resumed",
  command: (words) =>
    new Deno.Command("mpirun", {
      args: ["-n", "2", Deno.execPath(), ...denoWords(["--allow-all"], words)],
      env: environment,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }),
  strike(launcher, generator) {
    const pids = childrenOf(launcher);
    const victim = generator.integer(0, 2);
    if (victim < 2 && pids.length > victim) {
      return send(pids[victim], "SIGKILL") ? `SIGKILL to rank ${victim}` : null;
    }
    const struck = [launcher, ...pids].map((pid) => send(pid, "SIGKILL"));
    return struck[0] ? "SIGKILL to all" : null;
  },
  savesMore: false,
  // The launcher's own exit codes for a job that lost a rank.
  codes: Array.from({ length: 255 }, (_, code) => code + 1),
};

/** Kills over ranks. */
export const ranks: SoakPart = {
  name: striking.name,
  title: striking.title,
  cases: 100,
  run: (options) => strikeRuns(striking, options),
};
