/**
 * What works on this machine, backend by backend.
 *
 * @module
 */

import type { Backend, Capabilities } from "../../backends/backend.ts";
import { type BackendName, type BackendOptions, createBackend } from "../../backends/mod.ts";
import type { AdapterChoice, AdapterSummary, WebgpuBackend } from "../../backends/webgpu/mod.ts";
import { messageOf } from "../../core/errors.ts";
import { type Clock, type SelfTest, selfTest } from "./self_test.ts";

/** A backend to examine, in one of its kinds. */
export interface Candidate {
  /** What the report calls it: `cpu`, `cpu (wasm)`. */
  readonly label: string;
  readonly name: BackendName;
  readonly options?: BackendOptions;
}

/** All that are bundled: the best kind of `cpu`, and the one that needs no permission. */
export const candidates: readonly Candidate[] = [
  { label: "webgpu", name: "webgpu" },
  { label: "cpu", name: "cpu" },
  { label: "cpu (wasm)", name: "cpu", options: { provider: "wasm" } },
  { label: "reference", name: "reference" },
];

/** How far a backend is from the reference code's numbers. */
export interface ParitySummary {
  readonly ok: boolean;
  readonly quantities: number;
  /** Those outside their tolerance: file, quantity and largest error. */
  readonly failures: readonly string[];
}

/** One of the reference code's numbers, compared with a backend's. */
export interface ComparedQuantity {
  readonly ok: boolean;
  readonly file: string;
  readonly quantity: string;
  /** Largest absolute difference, and the largest that is allowed. */
  readonly maxAbs: number;
  readonly tolerance: string;
}

/** A backend that started. */
export interface WorkingBackend {
  readonly backend: string;
  readonly starts: true;
  readonly capabilities: Capabilities;
  /** The GPU; `webgpu` only. */
  readonly adapter: AdapterSummary | null;
  /** The GPUs that `backend.powerPreference` chooses between; `webgpu` only. */
  readonly adapters: readonly AdapterChoice[] | null;
  /** null if it was not requested. */
  readonly selfTest: SelfTest | { readonly ok: false; readonly error: string } | null;
  readonly parity: ParitySummary | null;
}

/** What was found out about a backend. */
export type BackendReport = WorkingBackend | {
  readonly backend: string;
  readonly starts: false;
  /** Why not, and what would help. */
  readonly reason: string;
};

/** What to do with each backend. */
export interface DoctorOptions {
  /** A clock, in seconds. */
  readonly now: Clock;
  /** Run the self-test. Default: true. */
  readonly test?: boolean;
  /** Compares with golden numbers of the reference code. Default: that is left out. */
  readonly parity?: (backend: Backend) => Promise<readonly ComparedQuantity[]>;
  /** Called with what is being done. */
  readonly onProgress?: (text: string) => void;
}

async function testOrError(backend: Backend, now: Clock): Promise<WorkingBackend["selfTest"]> {
  try {
    return await selfTest(backend, now);
  } catch (error) {
    return { ok: false, error: messageOf(error) };
  }
}

function summarizeParity(rows: readonly ComparedQuantity[]): ParitySummary {
  const failures = rows.filter(({ ok }) => !ok).map(({ file, quantity, maxAbs, tolerance }) =>
    `${file}, ${quantity}: ${Number.isNaN(maxAbs) ? "no number" : maxAbs}, wanted ${tolerance}`
  );
  return { ok: failures.length === 0, quantities: rows.length, failures };
}

async function listGpus(): Promise<AdapterChoice[]> {
  const { listAdapters } = await import("../../backends/webgpu/mod.ts");
  return await listAdapters();
}

/**
 * Starts a backend, tests it as requested, and disposes of it.
 *
 * @example
 * ```ts
 * import { examineBackend } from "./doctor.ts";
 * const report = await examineBackend({ label: "reference", name: "reference" }, {
 *   now: () => performance.now() / 1000,
 *   test: false,
 * });
 * if (!report.starts) throw new Error(report.reason);
 * ```
 */
export async function examineBackend(
  { label, name, options }: Candidate,
  { now, test = true, parity, onProgress }: DoctorOptions,
): Promise<BackendReport> {
  let backend: Backend;
  try {
    backend = (await createBackend(name, options)).backend;
  } catch (error) {
    return { backend: label, starts: false, reason: messageOf(error) };
  }
  try {
    const { capabilities } = backend;
    const adapter = name === "webgpu" ? (backend as WebgpuBackend).adapter : null;
    const adapters = adapter === null ? null : await listGpus();
    if (test) onProgress?.(`Testing ${label}`);
    const tested = test ? await testOrError(backend, now) : null;
    if (parity) onProgress?.(`Comparing ${label} with the reference's numbers`);
    const compared = parity ? summarizeParity(await parity(backend)) : null;
    return {
      backend: label,
      starts: true,
      capabilities,
      adapter,
      adapters,
      selfTest: tested,
      parity: compared,
    };
  } finally {
    await backend.dispose();
  }
}

/** Whether a backend that started passed everything. */
export function isHealthy(report: BackendReport): boolean {
  if (!report.starts) return true;
  return report.selfTest?.ok !== false && report.parity?.ok !== false;
}
