import { createBackend, type StartedBackend } from "../../backends/mod.ts";
import { openMeasurements } from "../../checkpoints/hub/measurements.ts";
import type { RunConfig } from "../../configs/task.ts";

/**
 * Starts the backend that a config's `backend` section describes.
 *
 * @param autoThreads threads if the config leaves them open; default: one per core
 */
export function startBackend(
  { name, threads, provider, powerPreference, implementation, memory }: RunConfig["backend"],
  autoThreads: number | null = null,
): Promise<StartedBackend> {
  return createBackend(name, {
    threads: threads === "auto" ? autoThreads : threads,
    provider,
    powerPreference,
    implementation,
    measurements: openMeasurements(),
    ...(memory === null ? {} : { memoryLimitBytes: memory * 2 ** 30 }),
  });
}
