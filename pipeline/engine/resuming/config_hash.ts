/**
 * Identifies the run that a config describes: two configs with the same hash give the same numbers.
 *
 * @module
 */

import type { RunConfig } from "../../../configs/task.ts";

/** Keys that say where and how a run is stored, monitored or computed, not what it computes. */
const incidental = [
  "$schema",
  "output",
  "log",
  "guard",
  "checkpoint",
  "backend",
  "evaluation",
  "microBatchSize",
  "recompute",
];

function canonical(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(canonical);
  if (typeof value !== "object" || value === null) return value;
  const record = value as Record<string, unknown>;
  return Object.fromEntries(Object.keys(record).sort().map((key) => [key, canonical(record[key])]));
}

/**
 * The config values that determine a run's numbers. The length of this session
 * (`schedule.maxSteps`) does not count, so that a run can be extended, and neither does the number
 * of data workers.
 */
export function decidingValues(config: RunConfig): Record<string, unknown> {
  const relevant: Record<string, unknown> = structuredClone(config);
  for (const key of incidental) delete relevant[key];
  delete (relevant.schedule as Record<string, unknown> | undefined)?.maxSteps;
  // How gradients are transferred only affects their rounding.
  const { wire } = config.distributed;
  delete relevant.distributed;
  if (wire !== "float32") relevant.wire = wire;
  const teacher = relevant.teacher as { name?: string; cache?: unknown; onnx?: object } | undefined;
  delete teacher?.cache;
  // Older runs lack the keys.
  if (relevant.method === "vqkd") { for (const key of ["method", "kMeans"]) delete relevant[key]; }
  // Older runs lack the section; what runs the model only affects the rounding of its features.
  if (teacher?.name === "onnx") delete (teacher.onnx as { runtime?: string }).runtime;
  else delete teacher?.onnx;
  const data = relevant.data as Record<string, unknown>;
  for (const key of ["workers", "cacheBytes", "prefetch", "maxPixels"]) delete data[key];
  // Keys that older runs lack count only if they are set.
  for (const key of ["holdOut", "exclude"]) if (data[key] === null) delete data[key];
  if (config.task === "pretrain") {
    if (relevant.pretrained === null) delete relevant.pretrained;
    if (relevant.newHeads === false) delete relevant.newHeads;
    const { augment, tokenizer } = relevant as Record<string, Record<string, unknown>>;
    if (augment.cropsPerImage === null) delete augment.cropsPerImage;
    // Stored codes are those that would be computed.
    delete tokenizer.codesDirectory;
  }
  return relevant;
}

/** SHA-256 of values, in hexadecimal; the order of keys does not matter. */
export async function hashValues(values: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(canonical(values)));
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The hash of what determines a run's numbers; see {@link decidingValues}. */
export async function configHash(config: RunConfig): Promise<string> {
  return await hashValues(decidingValues(config));
}
