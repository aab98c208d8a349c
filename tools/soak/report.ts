/**
 * The soak's result as a table and as a page.
 *
 * @module
 */

import type { PartResult } from "./part.ts";

/** The result of a soak. */
export interface SoakReport {
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

/** The result for a page, inserted into its text. */
export function resultsMarkdown(report: SoakReport): string {
  const table = [head, head.map((_, column) => column === 0 ? "---" : "--:"), ...rowsOf(report)]
    .map((row) => `| ${row.join(" | ")} |`);
  const endings = report.parts.map(({ name, seed, endings }) =>
    `- \`${name}\` (seed ${seed}): ` +
    Object.entries(endings).map(([ending, count]) => `${ending} ${count}`).join(", ")
  );
  return [
    `On ${report.machine}:`,
    "",
    ...table,
    "",
    "How the cases ended:",
    "",
    ...endings,
  ].join("\n");
}

/** Replaces parts with those of the same names; the others stay unchanged. */
export function renewed(report: SoakReport, parts: readonly string[], by: SoakReport): SoakReport {
  const all = [...report.parts.filter(({ name }) => by.parts.every((part) => part.name !== name))];
  all.push(...by.parts);
  all.sort((a, b) => parts.indexOf(a.name) - parts.indexOf(b.name));
  return { machine: by.machine, parts: all };
}

/** Updates a result in the JSON next to a page, and between the page's two markers. */
export function writePage(page: string, parts: readonly string[], by: SoakReport): void {
  const json = page.replace(/\.md$/, ".json");
  let report = by;
  try {
    report = renewed(JSON.parse(Deno.readTextFileSync(json)), parts, by);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  Deno.writeTextFileSync(json, JSON.stringify(report, null, 1) + "\n");
  Deno.writeTextFileSync(page, withResults(Deno.readTextFileSync(page), report));
}

/** They also keep the formatter away. */
const [begin, end] = ["<!-- deno-fmt-ignore-start -->", "<!-- deno-fmt-ignore-end -->"];

/** A page's text with a report's results inserted. */
export function withResults(text: string, report: SoakReport): string {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)];
  if (from < 0 || to < from) throw new Error("the page has no place for results");
  return `${text.slice(0, from + begin.length)}\n\n${resultsMarkdown(report)}\n\n${text.slice(to)}`;
}
