/**
 * Measurements of this machine, kept in the download folder from one process to the next.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "node:path";
import type { MeasurementStore } from "../../core/measurement_store.ts";
import { cacheDirectory } from "./download.ts";
import { readJsonFile, writeTextFile } from "../store/result_store.ts";

/**
 * The measurements in `folder`; default: `measurements` in the download folder. If it cannot be read or
 * written, or is damaged, they last as long as the process, or for a given folder as the returned object;
 * nothing prompts or throws.
 *
 * @example
 * ```ts
 * import { openMeasurements } from "./measurements.ts";
 *
 * const folder = Deno.makeTempDirSync();
 * openMeasurements(folder).set("fastest on this GPU", { tile: 64 });
 * const kept = openMeasurements(folder).get("fastest on this GPU") as { tile: number };
 * if (kept.tile !== 64) throw new Error(`${kept.tile}`);
 * Deno.removeSync(folder, { recursive: true });
 * ```
 */
export function openMeasurements(folder?: string | null): MeasurementStore {
  if (folder !== undefined) return storeIn(folder, new Map());
  const usual = defaultFolder();
  const known = knownIn.get(usual) ?? new Map<string, unknown>();
  knownIn.set(usual, known);
  return storeIn(usual, known);
}

/** What the download folders of this process hold, or would hold if it could be written. */
const knownIn = new Map<string | null, Map<string, unknown>>();

function storeIn(folder: string | null, known: Map<string, unknown>): MeasurementStore {
  const pathOf = (key: string) => {
    const name = createHash("sha256").update(key).digest("hex").slice(0, 16);
    return folder === null ? null : join(folder, `${name}.json`);
  };
  return {
    get(key) {
      if (!known.has(key)) known.set(key, readValue(pathOf(key), key));
      return known.get(key);
    },
    set(key, value) {
      known.set(key, value);
      writeValue(pathOf(key), { key, value });
    },
  };
}

function defaultFolder(): string | null {
  try {
    const folder = cacheDirectory((variable) => {
      return isGranted({ name: "env", variable }) ? Deno.env.get(variable) : undefined;
    });
    return join(folder, "measurements");
  } catch {
    return null; // nothing says where
  }
}

function readValue(path: string | null, key: string): unknown {
  if (path === null || !isGranted({ name: "read", path })) return undefined;
  try {
    const kept = readJsonFile(path) as { key: string; value: unknown } | null;
    return kept?.key === key ? kept.value : undefined;
  } catch {
    return undefined;
  }
}

function writeValue(path: string | null, content: { key: string; value: unknown }): void {
  if (path === null || !isGranted({ name: "write", path })) return;
  try {
    writeTextFile(path, JSON.stringify(content, null, 2) + "\n");
  } catch {
    // It is measured again next time.
  }
}

function isGranted(descriptor: Deno.PermissionDescriptor): boolean {
  return Deno.permissions.querySync(descriptor).state === "granted";
}
