/** Starts programs under MPI's launcher for tests. */
import assert from "node:assert/strict";
import { lockFlag } from "../cli/_tasks.ts";
import { fileURLToPath } from "node:url";

/** Where an `mpirun` of OpenMPI is: `MPIRUN_PATH`, or where systems put it; null without one. */
export function findMpirun(): string | null {
  const named = Deno.env.get("MPIRUN_PATH");
  const places = ["/usr/bin/mpirun", "/usr/local/bin/mpirun", "/opt/homebrew/bin/mpirun"];
  return [...(named === undefined ? [] : [named]), ...places].find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  }) ?? null;
}

/**
 * A test that needs `mpirun`. Without one it is left out, with the reason and the way to get one; with
 * `CI=true` it fails.
 */
export function mpiTest(name: string, work: () => Promise<void>): void {
  const path = findMpirun();
  const isLeftOut = path === null && Deno.env.get("CI") !== "true";
  if (isLeftOut) {
    console.log(
      `left out, no mpirun here (apt-get install openmpi-bin libopenmpi3, or MPIRUN_PATH): ${name}`,
    );
  }
  Deno.test({
    name,
    ignore: isLeftOut,
    fn: async () => {
      if (path === null) {
        throw new Error("CI needs OpenMPI: apt-get install openmpi-bin libopenmpi3");
      }
      await work();
    },
  });
}

/** How a job ended. */
export interface JobResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Settings of OpenMPI for more ranks than processors, in a container, as any user. */
const environment = {
  OMPI_ALLOW_RUN_AS_ROOT: "1",
  OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: "1",
  OMPI_MCA_rmaps_base_oversubscribe: "1",
  OMPI_MCA_hwloc_base_binding_policy: "none",
  OMPI_MCA_mpi_yield_when_idle: "1",
  OMPI_MCA_btl: "self,vader",
  OMPI_MCA_btl_vader_single_copy_mechanism: "none",
  NO_COLOR: "1",
};

/** A Deno program on several ranks, not yet started. */
export function jobCommand(ranks: number, program: string, args: readonly string[]): Deno.Command {
  return new Deno.Command(findMpirun()!, {
    args: [
      "-n",
      String(ranks),
      Deno.execPath(),
      "run",
      "--no-check",
      lockFlag,
      "--allow-all",
      program,
      ...args,
    ],
    env: environment,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a program of this folder, or `main.ts`, on several ranks. */
export async function runJob(
  ranks: number,
  program: string,
  args: readonly string[] = [],
): Promise<JobResult> {
  const { code, stdout, stderr } = await jobCommand(ranks, program, args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

/** {@link runJob} for what must succeed. */
export async function runWell(
  ranks: number,
  program: string,
  args: readonly string[] = [],
): Promise<JobResult> {
  const result = await runJob(ranks, program, args);
  assert.equal(result.code, 0, result.stderr);
  return result;
}

/** The path of a program in `programs/`. */
export function programPath(name: string): string {
  return fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url));
}

/** The path of `main.ts`. */
export const mainPath = fileURLToPath(new URL("../../main.ts", import.meta.url));
