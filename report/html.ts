/**
 * Pages of one file: no script, no font or style from elsewhere, light and dark, narrow and wide.
 *
 * @module
 */

/**
 * Text as it may stand in HTML, attributes included.
 *
 * @example
 * ```ts
 * import { escapeHtml } from "./html.ts";
 * if (escapeHtml(`<a b="c">&`) !== "&lt;a b=&quot;c&quot;&gt;&amp;") throw new Error();
 * ```
 */
export function escapeHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

const style = `
:root{color-scheme:light dark;--page:#fbfbfa;--card:#fff;--text:#1d1f22;--faint:#5d636b;
--line:#dfe1e4;--accent:#2563b0}
@media(prefers-color-scheme:dark){:root{--page:#15171a;--card:#1d2024;--text:#e7e9ec;
--faint:#9aa2ab;--line:#33373d;--accent:#7fb2ee}}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.25rem 1rem 3rem;max-width:70rem;background:var(--page);
color:var(--text);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.5rem;line-height:1.25;margin:.5rem 0}
h2{font-size:1.15rem;margin:2.25rem 0 .5rem}
p{max-width:44rem;margin:.5rem 0}
.faint{color:var(--faint);font-size:.9rem}
img,svg{display:block;max-width:100%}
figure{margin:0}
figcaption{color:var(--faint);font-size:.85rem;overflow-wrap:anywhere}
.figures{display:grid;grid-template-columns:repeat(auto-fill,minmax(9.5rem,1fr));gap:.6rem;margin:1rem 0}
.figures div{background:var(--card);border:1px solid var(--line);border-radius:.5rem;padding:.6rem .75rem}
.figures dt{color:var(--faint);font-size:.85rem}
.figures dd{margin:0;font-size:1.3rem;font-variant-numeric:tabular-nums}
dl{margin:0}
table{border-collapse:collapse;font-variant-numeric:tabular-nums}
.scroll{overflow-x:auto}
th,td{text-align:right;padding:.3rem .8rem;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left;padding-left:0}
`;

/**
 * A whole page.
 *
 * @param title plain text
 * @param body HTML
 * @param ownStyle more CSS
 * @param head more elements of the head, HTML
 */
export function htmlPage(title: string, body: string, ownStyle = "", head = ""): string {
  const name = escapeHtml(title);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>${name}</title>${head}
<style>${style}${ownStyle}</style>
</head>
<body>
<h1>${name}</h1>
${body}
</body>
</html>
`;
}

/** Figures as a row of cards: names and values, plain text. */
export function figureCards(figures: readonly (readonly [name: string, value: string])[]): string {
  const cards = figures.map(([name, value]) =>
    `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value)}</dd></div>`
  );
  return `<dl class="figures">${cards.join("")}</dl>`;
}

/** A table that scrolls sideways where it must; the first row is the head, all plain text. */
export function htmlTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(cell)}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line(head, "th")}</thead><tbody>${
    body.map((cells) => line(cells, "td")).join("")
  }</tbody></table></div>`;
}
