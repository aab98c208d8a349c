/**
 * Results as tables of plain text, for the command line.
 *
 * @module
 */
import { formatMetric, metricName, tellingMetrics } from "../core/metric_names.ts";

function columnWidths(rows: readonly (readonly string[])[]): number[] {
  return rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column].length))) ?? [];
}

/** Rows of cells as lines, with every column left-aligned. */
export function leftAlignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) => row.map((cell, i) => cell.padEnd(widths[i])).join("  ").trimEnd());
}

/** Rows of cells as lines: the first column is left-aligned, the others right-aligned. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = columnWidths(rows);
  return rows.map((row) =>
    row.map((cell, i) => i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i])).join("  ")
  );
}

/** A table of accuracies in [0, 1]: a row for each thing evaluated, a column for each measure. */
export function describeAccuracies(
  results: Readonly<Record<string, Readonly<Record<string, number>>>>,
): string[] {
  const measures = [...new Set(Object.values(results).flatMap((row) => Object.keys(row)))];
  if (measures.length === 0) return [];
  const rows = [
    ["accuracy", ...measures.map(metricName)],
    ...Object.entries(results).map(([name, row]) => [
      metricName(name),
      ...measures.map((key) => row[key] === undefined ? "–" : formatMetric(key, row[key])),
    ]),
  ];
  return alignedRows(rows);
}

/** Shares of correct answers in [0, 1]. */
export interface Accuracy {
  readonly top1: number;
  readonly top5: number;
}

/** Accuracies by what was evaluated, along with chance; nothing if nothing was evaluated. */
export function classifierTable(
  results: Readonly<Record<string, Accuracy | null>>,
  classes: number,
): string[] {
  const found = Object.entries(results).filter((entry): entry is [string, Accuracy] =>
    entry[1] !== null
  );
  if (found.length === 0) return [];
  const chance = { top1: 1 / classes, top5: Math.min(1, 5 / classes) };
  return describeAccuracies(Object.fromEntries(
    [...found, ["chance", chance] as const].map(([name, { top1, top5 }]) => [
      name,
      tellingMetrics({ top1, top5 }, classes),
    ]),
  ));
}
