/**
 * The soak's result as a table and as a page.
 *
 * @module
 */

import type { PartResult } from "./part.ts";

/** What a soak ends with. */
export interface SoakReport {
  readonly seed: number;
  readonly command: string;
  readonly machine: string;
  readonly parts: readonly PartResult[];
}

const megabytes = (bytes: number) => `${Math.round(bytes / 1e6)} MB`;

function memoryOf({ peakBytes, limitBytes }: PartResult): string {
  if (peakBytes === null || limitBytes === null) return "–";
  return `${megabytes(peakBytes)} of ${megabytes(limitBytes)}`;
}

function durationOf(seconds: number): string {
  return seconds < 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`;
}

const head = ["what", "cases", "findings", "most memory", "time"];

function rowsOf({ parts }: SoakReport): string[][] {
  return parts.map((part) => [
    part.title,
    String(part.cases),
    String(part.findings.length),
    memoryOf(part),
    durationOf(part.seconds),
  ]);
}

/** The table for a terminal. */
export function formatTable(report: SoakReport): string {
  const rows = [head, ...rowsOf(report)];
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column]))
      .join("  ")
  ).join("\n");
}

/** The result for a page, between its words. */
export function resultsMarkdown(report: SoakReport): string {
  const table = [head, head.map((_, column) => column === 0 ? "---" : "--:"), ...rowsOf(report)]
    .map((row) => `| ${row.join(" | ")} |`);
  const endings = report.parts.map(({ name, endings }) =>
    `- \`${name}\`: ` +
    Object.entries(endings).map(([ending, count]) => `${ending} ${count}`).join(", ")
  );
  return [
    `\`${report.command}\` with seed ${report.seed}, on ${report.machine}:`,
    "",
    ...table,
    "",
    "How the cases ended:",
    "",
    ...endings,
  ].join("\n");
}

/** Writes the JSON beside a page, and the page's results between its two marks. */
export function writePage(page: string, report: SoakReport): void {
  Deno.writeTextFileSync(page.replace(/\.md$/, ".json"), JSON.stringify(report, null, 1) + "\n");
  Deno.writeTextFileSync(page, withResults(Deno.readTextFileSync(page), report));
}

/** They hold the formatter off, too. */
const [begin, end] = ["<!-- deno-fmt-ignore-start -->", "<!-- deno-fmt-ignore-end -->"];

/** A page's text with the results of a report. */
export function withResults(text: string, report: SoakReport): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error("the page has no place for results");
  return `${text.slice(0, from + begin.length)}\n\n${resultsMarkdown(report)}\n\n${text.slice(to)}`;
}
