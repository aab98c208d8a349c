/** Pieces of Markdown pages; `deno fmt` formats them. @module */

/** Text in which nothing is mistaken for markup: whatever is in backticks is code and stays unchanged. */
export function prose(text: string): string {
  return text.split(/(`[^`]*`)/).map((part, index) =>
    index % 2 === 1 ? part : part.replaceAll(/[<*_|\\]/g, (mark) => `\\${mark}`)
  ).join("");
}

/** Text as code, even if it contains backticks. */
export function code(text: string): string {
  return text.includes("`") ? `\`\` ${text} \`\`` : `\`${text}\``;
}

/** A table, heading first; cells are Markdown. Columns from `numbersFrom` on are aligned on the right. */
export function table(rows: readonly (readonly string[])[], numbersFrom = Infinity): string {
  const [head, ...body] = rows;
  const cell = (text: string) => text.replaceAll(/(?<!\\)\|/g, "\\|").replaceAll("\n", " ");
  const line = (row: readonly string[]) => `| ${row.map(cell).join(" | ")} |`;
  return [
    line(head),
    line(head.map((_, column) => column < numbersFrom ? "---" : "---:")),
    ...body.map(line),
  ].join("\n");
}

/** The page without its formatting: equal for a page and what `deno fmt` makes of it. */
export function withoutLayout(page: string): string {
  return page.replaceAll(/-{3,}/g, "---").replaceAll(/\s+/g, " ").trim();
}
