/** Formats figures for people: the plan of a run, accuracies. */
import { formatMetric, tellingMetrics } from "../../core/metric_names.ts";
import { formatRate } from "../../core/number_formats.ts";
import { formatBytes } from "../../core/number_formats.ts";
import { formatDuration } from "./progress.ts";

export { formatBytes };

/** `187 500`; up to four significant digits after the decimal point. */
export function formatFigure(value: number): string {
  if (!Number.isInteger(value)) return String(Number(value.toPrecision(4)));
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
}

/** `peakLearningRate` as words. */
function inWords(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replace(/ bytes$/, "")
    .replace(/^seconds to /, "time to ");
}

function formatNumber(key: string, value: number, isBytes: boolean): string {
  if (/LearningRate$|^learningRate/.test(key)) return formatRate(value);
  if (isBytes || /Bytes$/.test(key)) return formatBytes(value);
  if (/^secondsTo[A-Z]/.test(key)) return formatDuration(value);
  return formatFigure(value);
}

function rowsOf(plan: object, isBytes: boolean, prefix: string): [string, string][] {
  return Object.entries(plan).flatMap(([key, value]): [string, string][] => {
    const name = prefix + inWords(key);
    if (typeof value === "object" && value !== null) {
      return rowsOf(value, /memory|bytes|disk/i.test(key), `${name}: `);
    }
    if (value === null) return [[name, "not known"]];
    return [[name, typeof value === "number" ? formatNumber(key, value, isBytes) : String(value)]];
  });
}

/**
 * The lines of a plan: each figure with its name in words; numbers under `memory` and `disk` are in bytes.
 */
export function describePlan(plan: object): string[] {
  const rows = rowsOf(plan, false, "");
  const width = Math.max(0, ...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}`);
}

/** `top-1 84.0 %  top-5 99.1 %`; the latter only if it is informative. */
export function accuracyText(
  { top1, top5 }: { readonly top1: number; readonly top5: number },
  classes: number,
): string {
  return Object.entries(tellingMetrics({ top1, top5 }, classes)).map(([key, share]) =>
    `${key === "top1" ? "top-1" : "top-5"} ${formatMetric(key, share)}`
  ).join("  ");
}
