import { createBackend, type StartedBackend } from "../../backends/mod.ts";
import type { Config } from "../../configs/schema.ts";

/** Starts the backend that a config's section `backend` describes. */
export function startBackend(
  { name, threads, provider, powerPreference, memory }: Config["backend"],
): Promise<StartedBackend> {
  return createBackend(name, {
    threads: threads === "auto" ? null : threads,
    provider,
    powerPreference,
    ...(memory === null ? {} : { memoryLimitBytes: memory * 2 ** 30 }),
  });
}
