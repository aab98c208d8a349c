/**
 * What works on this machine, backend by backend.
 *
 * @module
 */

import type { Backend, Capabilities } from "../../backends/backend.ts";
import { type BackendName, type BackendOptions, createBackend } from "../../backends/mod.ts";
import type {
  AdapterChoice,
  AdapterSummary,
  WebgpuBackend,
  WebgpuImplementation,
} from "../../backends/webgpu/mod.ts";
import { messageOf } from "../../core/errors.ts";
import { median } from "../../core/median.ts";
import { tf } from "../../deps/tfjs.ts";
import { inProcess, type MeasurementStore } from "../../core/measurement_store.ts";
import { type FormatReport, measureFormats } from "./number_formats.ts";
import { type Clock, type SelfTest, selfTest } from "./self_test.ts";

/** A backend to examine, in one of its kinds. */
export interface Candidate {
  /** What the report calls it: `cpu`, `cpu (wasm)`. */
  readonly label: string;
  readonly name: BackendName;
  readonly options?: BackendOptions;
  /** Why it is not started, and what would help; null if nothing speaks against it. */
  readonly obstacle?: () => Promise<string | null>;
}

/** All that are bundled: the best kind of `cpu`, and the one that needs no permission. */
export const candidates: readonly Candidate[] = [
  { label: "webgpu", name: "webgpu", options: { implementation: "deno" } },
  {
    label: "webgpu (dawn)",
    name: "webgpu",
    options: { implementation: "dawn" },
    obstacle: missingDawn,
  },
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
  /** What it takes to read one number, in milliseconds; `webgpu` only. */
  readonly readBackMs?: number | null;
  /** Number formats that were timed against each other; empty if there is no choice. */
  readonly formats: readonly FormatReport[];
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
  /** What was measured on this machine before. Default: nothing. */
  readonly measurements?: MeasurementStore;
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

async function listGpus(implementation: WebgpuImplementation): Promise<AdapterChoice[]> {
  const { listAdapters } = await import("../../backends/webgpu/mod.ts");
  return await listAdapters(implementation);
}

/** Examining a machine should not download anything. */
async function missingDawn(): Promise<string | null> {
  const { dawnPackage, fetchDawn } = await import("../../deps/dawn.ts");
  const { isCached } = await import("../../backends/webgpu/dawn/library_cache_ffi.ts");
  if (isCached(dawnPackage)) return null;
  return `Dawn, Chromium's WebGPU, is not here; \`${fetchDawn}\` fetches it (51 MB). Where a driver ` +
    "offers its matrix units (tensor cores), only Dawn can reach them";
}

const reads = 5;

/** The median time to write a number and read it back. */
async function timeReadBack(backend: Backend, now: Clock): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i <= reads; i++) {
    const start = now();
    const sum = backend.run(() => tf.add(tf.scalar(i), 1));
    await sum.data();
    backend.run(() => sum.dispose());
    if (i > 0) times.push((now() - start) * 1000); // the first compiles
  }
  return median(times);
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
  { label, name, options, obstacle }: Candidate,
  { now, measurements = inProcess, test = true, parity, onProgress }: DoctorOptions,
): Promise<BackendReport> {
  const reason = await obstacle?.() ?? null;
  if (reason !== null) return { backend: label, starts: false, reason };
  let backend: Backend;
  try {
    backend = (await createBackend(name, { measurements, ...options })).backend;
  } catch (error) {
    return { backend: label, starts: false, reason: messageOf(error) };
  }
  try {
    const { capabilities } = backend;
    const adapter = name === "webgpu" ? (backend as WebgpuBackend).adapter : null;
    const adapters = adapter === null ? null : await listGpus(adapter.implementation);
    const readBackMs = adapter === null ? null : await timeReadBack(backend, now);
    const formats = await measureFormats(backend, measurements);
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
      readBackMs,
      formats,
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
