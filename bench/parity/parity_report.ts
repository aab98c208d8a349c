/**
 * A comparison's findings as text, for a terminal and for the documentation page.
 *
 * @module
 */

import type { ParityRow } from "./comparison.ts";

/** The rows of one backend. */
export interface BackendParity {
  /** `reference`, `cpu`, `webgpu`. */
  readonly backend: string;
  /** Its own description: processor or adapter. */
  readonly description: string;
  readonly rows: readonly ParityRow[];
}

/** An error with two significant digits: `0`, `2.4e-7`. */
export function formatError(error: number): string {
  return error === 0 ? "0" : error.toExponential(1);
}

/** One line for each row: outcome, file, quantity, both errors, tolerance. */
export function parityLines(rows: readonly ParityRow[]): string[] {
  const cells = rows.map(({ ok, file, quantity, maxAbs, maxRel, tolerance }) => [
    ok ? "ok" : "FAILED",
    file,
    quantity,
    formatError(maxAbs),
    formatError(maxRel),
    tolerance,
  ]);
  const table = [["", "file", "quantity", "max |Δ|", "relative", "tolerance"], ...cells];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row.map((cell, column) => cell.padEnd(widths[column])).join("  ").trimEnd()
  );
}

/**
 * The page `docs/parity.md`: a row for each quantity, a column for each backend.
 *
 * @param command that generated the page
 */
export function parityPage(results: readonly BackendParity[], command: string): string {
  const backends = results.map(({ backend }) => backend);
  const lines = [
    "# Numerical parity with the reference",
    "",
    "The largest absolute error of each quantity against golden numbers made by microsoft/unilm, " +
    "mmselfsup, mmcls, Pillow and timm. A number in bold is out of tolerance; a dash means that the " +
    "quantity needs no backend and was compared once.",
    "",
    `Written by \`${command}\`.`,
    "",
    ...results.map(({ backend, description }) => `- \`${backend}\`: ${description}`),
    "",
    `| file | quantity | tolerance | ${backends.join(" | ")} |`,
    `|---|---|---|${backends.map(() => "---").join("|")}|`,
  ];
  const key = ({ file, quantity }: ParityRow) => `${file}\n${quantity}`;
  const found = results.map(({ rows }) => new Map(rows.map((row) => [key(row), row])));
  const all = new Map(results.flatMap(({ rows }) => rows.map((row) => [key(row), row])));
  for (const [name, { file, quantity, tolerance }] of all) {
    const errors = found.map((rows) => {
      const row = rows.get(name);
      if (row === undefined) return "–";
      return row.ok ? formatError(row.maxAbs) : `**${formatError(row.maxAbs)}**`;
    });
    const cells = [file, quantity, tolerance, ...errors];
    lines.push(`| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`);
  }
  return lines.join("\n") + "\n";
}
