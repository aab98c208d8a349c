import { type BackendOptions, createBackend, type StartedBackend } from "../../../backends/mod.ts";
import { openMeasurements } from "../../../checkpoints/hub/measurements.ts";
import type { RunConfig } from "../../../configs/task.ts";
import { UserError } from "../../../core/errors.ts";
import type { Computation } from "./computation.ts";

/** What a backend is started for. */
export interface StartOptions {
  /** Threads if the config leaves them open; default: one per core. */
  readonly autoThreads?: number | null;
  /** What the run that is resumed computed with, to be kept where the config leaves it open. */
  readonly before?: Computation | null;
}

/**
 * Starts the backend that a config's `backend` section describes.
 *
 * @throws UserError if it is not available
 */
export async function startBackend(
  { name, threads, provider, powerPreference, implementation, memory }: RunConfig["backend"],
  { autoThreads = null, before = null }: StartOptions = {},
): Promise<StartedBackend> {
  const start = (provider: BackendOptions["provider"]) =>
    createBackend(name, {
      threads: threads === "auto" ? autoThreads : threads,
      provider,
      powerPreference,
      implementation,
      measurements: openMeasurements(),
      ...(memory === null ? {} : { memoryLimitBytes: memory * 2 ** 30 }),
    });
  if (provider !== "auto" || before === null) return await start(provider);
  try {
    // Versions that did not record their kernels used the widest machine code there was.
    return await start((before.provider ?? "native") as BackendOptions["provider"]);
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return await start("auto");
  }
}
