/**
 * A profile as text and as a trace that Chrome (`chrome://tracing`) and Perfetto open.
 *
 * @module
 */

import type { Profile, Span } from "../pipeline/engine/training/profile.ts";

interface Total {
  readonly name: string;
  readonly count: number;
  readonly seconds: number;
}

/** By name, longest first. */
function totals(spans: readonly Span[]): Total[] {
  const byName = new Map<string, { count: number; seconds: number }>();
  for (const { name, seconds } of spans) {
    const total = byName.get(name) ?? { count: 0, seconds: 0 };
    total.count++;
    total.seconds += seconds;
    byName.set(name, total);
  }
  return [...byName].map(([name, total]) => ({ name, ...total }))
    .sort((a, b) => b.seconds - a.seconds);
}

/** Milliseconds per step, share, and calls per step for each name. */
function table(title: string, spans: readonly Span[], { steps, seconds }: Profile): string[] {
  const rows = totals(spans);
  const width = Math.max(title.length, ...rows.map(({ name }) => name.length));
  const line = (name: string, ...cells: string[]) =>
    [name.padEnd(width), ...cells.map((cell) => cell.padStart(9))].join("  ");
  return [
    line(title, "ms a step", "share", "a step"),
    ...rows.map((row) =>
      line(
        row.name,
        (row.seconds / steps * 1000).toFixed(3),
        `${(row.seconds / seconds * 100).toFixed(1)} %`,
        String(Math.round(row.count / steps * 10) / 10),
      )
    ),
  ];
}

/** The profile as two tables: stages on the main thread, kernels on the device. */
export function describeProfile(profile: Profile): string {
  const { firstStep, steps, seconds, backend, stages, kernels, note } = profile;
  const milliseconds = (seconds / steps * 1000).toFixed(1);
  return [
    `Steps ${firstStep} to ${firstStep + steps - 1} on ${backend}: ${milliseconds} ms per step.`,
    "Stages are timed on the main thread, which on a GPU submits work and continues. Kernels are",
    "timed on the device, one after another, which is slower than letting them overlap.",
    "",
    ...table("stage", stages, profile),
    "",
    ...(note === null ? table("kernel", kernels, profile) : [`No kernel times: ${note}`]),
    "",
  ].join("\n");
}

/** One event of the trace-event format, in microseconds. */
interface TraceEvent {
  readonly name: string;
  readonly ph: "X" | "M";
  readonly pid: number;
  readonly tid: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly args?: Record<string, string>;
}

function track(number: number, name: string, spans: readonly Span[]): TraceEvent[] {
  const origin = spans.reduce((least, { start }) => Math.min(least, start), Infinity);
  return [
    { name: "thread_name", ph: "M", pid: 1, tid: number, args: { name } },
    ...spans.map((span): TraceEvent => ({
      name: span.name,
      ph: "X",
      pid: 1,
      tid: number,
      ts: (span.start - origin) * 1e6,
      dur: span.seconds * 1e6,
    })),
  ];
}

/** The profile in the trace-event format, as JSON; each track starts at zero. */
export function chromeTrace(profile: Profile): string {
  const traceEvents = [
    ...track(1, "stages", profile.stages),
    ...track(2, `kernels on ${profile.backend}`, profile.kernels),
  ];
  return JSON.stringify({ displayTimeUnit: "ms", traceEvents });
}
