/**
 * Tables for Markdown pages.
 *
 * @module
 */

/**
 * A table as Markdown, the heading first; the first column is left-aligned, the others
 * right-aligned.
 *
 * @example
 * ```ts
 * import { markdownTable } from "./markdown_table.ts";
 * const table = markdownTable([["arm", "top-1"], ["scratch", "44.0"]]);
 * if (!table.endsWith("| scratch |  44.0 |")) throw new Error(table);
 * ```
 */
export function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const widths = cells[0].map((_, column) =>
    Math.max(3, ...cells.map((row) => [...row[column]].length))
  );
  const pad = (cell: string, column: number) => {
    const space = " ".repeat(widths[column] - [...cell].length);
    return column === 0 ? cell + space : space + cell;
  };
  const line = (row: readonly string[]) => `| ${row.map(pad).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`
  );
  const [head, ...body] = cells;
  return [line(head), `| ${rule.join(" | ")} |`, ...body.map(line)].join("\n");
}
