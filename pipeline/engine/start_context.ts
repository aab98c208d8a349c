/**
 * Where a run computes: its backend and number format, the same on all ranks.
 *
 * @module
 */

import {
  type Backend,
  communicatorOf,
  type Context,
  type Precision,
} from "../../backends/backend.ts";
import type { RunConfig } from "../../configs/task.ts";
import { UserError } from "../../core/errors.ts";
import { type Communicator, gatherJson } from "../../distributed/communicator.ts";
import { single } from "../../distributed/single.ts";
import type { RunListener } from "./events.ts";
import { startBackend } from "./start_backend.ts";
import type { RunOptions } from "./run_options.ts";

/**
 * Starts a config's backend, or uses the one that is passed.
 *
 * @throws UserError for a backend or a precision that is unavailable
 */
export async function startContext(
  config: RunConfig,
  options: RunOptions,
  listener: RunListener,
): Promise<Context> {
  const communicator = options.communicator ?? single;
  const { backend, notes } = options.backend === undefined
    ? await startBackend(config.backend, shareOfThreads(communicator))
    : { backend: options.backend, notes: [] };
  for (const message of notes) listener({ type: "note", message });
  listener({
    type: "note",
    message: `Computing on ${backend.name}: ${backend.capabilities.description}`,
  });
  const precision = choosePrecision(config.precision, backend, listener);
  return { backend, precision, communicator };
}

/** Threads of the cpu backend when ranks share processors; null for all of them. */
function shareOfThreads({ coreSharers }: Communicator): number | null {
  if (coreSharers === 1) return null;
  return Math.max(1, Math.floor(navigator.hardwareConcurrency / coreSharers));
}

/** Rejects ranks that would not train the same model. */
export async function requireAlike(on: Context, hash: string): Promise<void> {
  const { backend, precision } = on;
  const all = await gatherJson(communicatorOf(on), { hash, backend: backend.name, precision });
  for (const [rank, other] of all.entries()) {
    const kind = (["hash", "backend", "precision"] as const).find((key) =>
      other[key] !== all[0][key]
    );
    if (kind === undefined) continue;
    const what = kind === "hash" ? "another config" : `${kind} ${other[kind]}`;
    throw new UserError(
      `Cannot train together: rank ${rank} has ${what}, rank 0 ` +
        (kind === "hash" ? "its own" : all[0][kind]),
      {
        hint: kind === "hash"
          ? "start all ranks with the same command and the same version"
          : `set --${kind} to what every host supports`,
      },
    );
  }
}

/** The number format that a config's `precision` stands for on a backend. */
function choosePrecision(
  wanted: "auto" | "amp" | "float32",
  backend: Backend,
  listener: RunListener,
): Precision {
  if (wanted === "float32") return "float32";
  const [reduced] = backend.capabilities.reducedPrecisions;
  if (reduced !== undefined) {
    // The reference backend only emulates reduced precision, slowly: it must be requested.
    return wanted === "auto" && backend.name === "reference" ? "float32" : reduced;
  }
  if (wanted === "amp") {
    throw new UserError(
      `Cannot use mixed precision on ${backend.name}: ${backend.capabilities.description} has no ` +
        "reduced format",
      { hint: "give --precision auto or float32" },
    );
  }
  listener({ type: "note", message: `No reduced precision on ${backend.name}: running float32` });
  return "float32";
}
