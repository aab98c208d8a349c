/** The report of `doctor` as lines. */
import { plural } from "../../core/number_formats.ts";
import type { AdapterChoice, MatrixConfig } from "../../backends/webgpu/mod.ts";
import type { Capabilities } from "../../backends/backend.ts";
import { leftAlignedRows } from "../../report/text_tables.ts";
import { type BackendReport, isHealthy, type WorkingBackend } from "../../tasks/doctor/doctor.ts";
import type { FormatReport } from "../../tasks/doctor/number_formats.ts";
import type { AcceleratorReport, MachineReport, PermissionReport } from "../running/machine.ts";
import { formatBytes } from "./plan.ts";

/** Everything that `doctor` found. */
export interface DoctorReport {
  readonly versions: Readonly<Record<"mimic" | "deno" | "v8" | "typescript", string>>;
  readonly machine: MachineReport;
  /** Whether this engine's WebAssembly has `simd`. */
  readonly simd: string;
  readonly permissions: readonly PermissionReport[];
  readonly accelerators: readonly AcceleratorReport[];
  readonly backends: readonly BackendReport[];
  /** What `--backend auto` selects. */
  readonly auto: string;
  readonly ok: boolean;
}

function columns(rows: readonly (readonly string[])[]): string[] {
  return leftAlignedRows(rows).map((line) => `  ${line}`.trimEnd());
}

function machineLines({ versions, machine, simd }: DoctorReport): string[] {
  const { memory, freeDiskBytes } = machine;
  const system = [machine.os, machine.osRelease, machine.architecture].filter(Boolean).join(" ");
  const threads = `${machine.threads} ${plural(machine.threads, "thread")}`;
  return columns([
    ["mimic", versions.mimic],
    ["deno", `${versions.deno} (V8 ${versions.v8}, TypeScript ${versions.typescript})`],
    ["system", system],
    ["processor", [machine.processor, threads, simd].filter(Boolean).join(", ")],
    [
      "memory",
      memory === null
        ? "not known: add --allow-sys=systemMemoryInfo"
        : `${formatBytes(memory.availableBytes)} of ${formatBytes(memory.totalBytes)} available`,
    ],
    [
      "disk",
      freeDiskBytes === null
        ? "not known: add --allow-sys=statfs"
        : `${formatBytes(freeDiskBytes)} free here`,
    ],
  ]);
}

/** Figures with their names, in indented lines narrow enough for a bug report. */
function figureLines(numbers: Readonly<Record<string, number>>): string[] {
  const lines: string[] = [];
  for (const [name, value] of Object.entries(numbers)) {
    const text = `${name} ${value}`;
    const last = lines.at(-1);
    if (last === undefined || last.length + text.length > 90) lines.push(`      ${text}`);
    else lines[lines.length - 1] = `${last}, ${text}`;
  }
  return lines;
}

function backendLines(report: BackendReport): string[] {
  if (!report.starts) return [`  ${report.backend}: does not start`, `    ${report.reason}`];
  const { capabilities, adapter, adapters, readBackMs } = report;
  const { reducedPrecisions, maxBufferBytes, description } = capabilities;
  const reduced = reducedPrecisions.length === 0 ? "none" : reducedPrecisions.join(", ");
  const lines = [
    `  ${report.backend}: ${description}`,
    `    tensors up to ${formatBytes(maxBufferBytes)}; reduced precision: ${reduced}`,
  ];
  lines.push(...kernelLines(capabilities), ...report.formats.map(formatLine));
  if (adapter === null) return lines;
  if (adapter.isSoftware) lines.push("    not a GPU but one emulated on the CPU: slow");
  lines.push(...adapterLines(adapters ?? []));
  lines.push(`    matrix units: ${matricesText(adapter.matrices)}`);
  if (typeof readBackMs === "number") {
    lines.push(`    reading one number back takes ${readBackMs.toPrecision(2)} ms`);
  }
  lines.push(`    features: ${adapter.features.join(", ") || "none"}`);
  return [...lines, "    limits:", ...figureLines(adapter.limits)];
}

/** `f16 to f32 16×16×16, …`, each once. */
function matricesText(matrices: readonly MatrixConfig[]): string {
  const texts = matrices.map(({ componentType, resultComponentType, M, N, K }) =>
    `${componentType} to ${resultComponentType} ${M}×${N}×${K}`
  );
  return texts.length === 0 ? "out of reach" : [...new Set(texts)].join(", ");
}

function shortTime(milliseconds: number): string {
  return `${milliseconds < 10 ? milliseconds.toPrecision(2) : Math.round(milliseconds)} ms`;
}

/** What was timed to choose the kernels. */
function kernelLines({ kernels }: Capabilities): string[] {
  if (kernels === undefined) return [];
  const products = kernels.products === undefined
    ? []
    : [`    products in float32: ${kernels.products}`];
  if (kernels.times === null) return products;
  const times = kernels.times.map(({ provider, format, milliseconds }) =>
    `${provider}${format === "float32" ? "" : ` in ${format}`} ${shortTime(milliseconds)}`
  );
  const timed = [`    kernels timed: ${times.join(", ")}`, `    chosen: ${kernels.provider}`];
  return [...timed, ...products];
}

/** What was timed to choose a number format. */
function formatLine({ model, milliseconds, auto }: FormatReport): string {
  const times = Object.entries(milliseconds).map(([format, time]) =>
    `${format} ${shortTime(time)}`
  );
  return `    a block of ${model}: ${times.join(", ")}; precision auto: ${auto}`;
}

/** Which setting selects which GPU; with a single GPU there is no choice. */
function adapterLines(adapters: readonly AdapterChoice[]): string[] {
  if (adapters.length < 2) return ["    the only adapter that WebGPU reports"];
  return adapters.map(({ adapter, preferences }) => {
    return `    --set backend.powerPreference=${preferences[0]} selects ${adapter.description}`;
  });
}

function testRow({ backend, selfTest }: WorkingBackend): string[] {
  if (selfTest === null) return [];
  if ("error" in selfTest) return [backend, "FAILED", selfTest.error, "", ""];
  const { ok, conformance, product, step } = selfTest;
  return [
    backend,
    ok ? "ok" : "FAILED",
    `${conformance.passed} of ${conformance.passed + conformance.failed} ops`,
    `${product.gigaflops.toPrecision(3)} GFLOP/s (${product.size}²)`,
    `${step.imagesPerSecond.toPrecision(3)} images/s`,
  ];
}

function testLines(working: readonly WorkingBackend[]): string[] {
  const rows = working.map(testRow).filter((row) => row.length > 0);
  if (rows.length === 0) return [];
  const failures = working.flatMap(({ backend, selfTest }) =>
    selfTest !== null && "conformance" in selfTest
      ? selfTest.conformance.failures.map((failure) => `  ${backend}: ${failure}`)
      : []
  );
  const head = ["", "", "conformance", "matrix product", "tiny pretraining step"];
  return ["self-test", ...columns([head, ...rows]), ...failures];
}

function parityLines(working: readonly WorkingBackend[]): string[] {
  const rows = working.flatMap(({ backend, parity }) => {
    if (parity === null) return [];
    const { quantities, failures } = parity;
    const count = `${quantities - failures.length} of ${quantities} within tolerance`;
    return [`  ${backend}: ${count}`, ...failures.map((failure) => `    ${failure}`)];
  });
  return rows.length === 0 ? [] : ["parity with the reference's numbers", ...rows];
}

/** The report as text that can be pasted into a bug report. */
export function doctorLines(report: DoctorReport): string[] {
  const working = report.backends.filter((backend) => backend.starts);
  const missing = report.permissions.filter(({ granted }) => !granted);
  const sick = report.backends.filter((backend) => !isHealthy(backend));
  const sections = [
    ["machine", ...machineLines(report)],
    ["backends", ...report.backends.flatMap(backendLines), `  auto selects ${report.auto}`],
    [
      "accelerators",
      ...columns(report.accelerators.map(({ name, starts, detail }) => [
        name,
        starts ? "on" : "off",
        detail,
      ])),
    ],
    [
      "permissions",
      ...columns(report.permissions.map(({ permission, granted, serves }) => [
        permission,
        granted ? "granted" : "missing",
        serves,
      ])),
      ...missing.map(({ flag }) => `  add ${flag}`),
    ],
    testLines(working),
    parityLines(working),
    [
      sick.length === 0
        ? "Everything that starts works."
        : `Something is wrong with ${sick.map(({ backend }) => backend).join(", ")}.`,
    ],
  ];
  return sections.filter((section) => section.length > 0)
    .flatMap((section, i) => i === 0 ? section : ["", ...section]);
}
