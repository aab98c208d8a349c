/**
 * Single-file pages: no scripts, no external fonts or styles, light and dark, narrow and wide.
 *
 * @module
 */

/**
 * Text escaped for HTML, including attributes.
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

/** The colours of every page: the reports and the page of all runs. */
export const pageColors = `
:root{color-scheme:light dark;--page:#f6f7f8;--card:#fff;--text:#191c20;--faint:#5b636d;
--line:#e0e3e7;--empty:#eceef1;--accent:#1f63b5;--good:#146b3e;--bad:#a63a0c}
@media(prefers-color-scheme:dark){:root{--page:#111418;--card:#1a1e23;--text:#e8eaed;
--faint:#9aa3ad;--line:#2d333a;--empty:#2a3037;--accent:#7ab4f5;--good:#4fc38a;--bad:#ff9a66}}
`;

/** The style of {@link figureCards}. */
export const figureCardsStyle = `
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));margin:1rem 0;
background:var(--card);border:1px solid var(--line);border-radius:.6rem;overflow:hidden}
.figures div{padding:.7rem .9rem;display:flex;flex-direction:column;box-shadow:0 0 0 .5px var(--line)}
.figures dt{color:var(--faint);font-size:.82rem;line-height:1.3;padding-bottom:.15rem}
.figures dd{margin:auto 0 0;font-size:1.2rem;font-weight:600;font-variant-numeric:tabular-nums}
dl{margin:0}
`;

const style = `${pageColors}
*{box-sizing:border-box}
body{margin:0 auto;padding:1.75rem clamp(1rem,3vw,2rem) 4rem;max-width:80rem;background:var(--page);
color:var(--text);font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .4rem;overflow-wrap:anywhere;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:2.5rem 0 .6rem;letter-spacing:-.005em}
p{max-width:46rem;margin:.5rem 0}
.faint{color:var(--faint);font-size:.9rem}
img,svg{display:block;max-width:100%}
figure{margin:0}
figcaption{color:var(--faint);font-size:.85rem;overflow-wrap:anywhere}
${figureCardsStyle}table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.95rem}
.scroll{overflow-x:auto}
th{font-weight:600;color:var(--faint);font-size:.85rem}
th,td{text-align:right;padding:.4rem .9rem;border-bottom:1px solid var(--line)}
th:first-child,td:first-child{text-align:left;padding-left:0}
.cards{display:grid;gap:.8rem;grid-template-columns:repeat(auto-fit,minmax(min(100%,24rem),1fr));margin:1rem 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1rem 1.1rem}
.card h2,.card h3{font-size:.95rem;margin:0 0 .7rem}
.card h2 span{white-space:nowrap}
.bars{font-variant-numeric:tabular-nums;display:grid;gap:.35rem .9rem;grid-template-columns:fit-content(45%) 1fr auto}
.bars div{display:grid;grid-template-columns:subgrid;grid-column:1/-1;align-items:center;color:var(--faint)}
.bars .track{height:.55rem;border-radius:.3rem;background:var(--empty);overflow:hidden}
.bars i{display:block;height:100%;border-radius:.3rem;background:color-mix(in oklab,var(--faint) 60%,var(--empty))}
.bars b{font-weight:inherit;text-align:right;white-space:nowrap;min-width:4.8rem}
.bars .model{color:var(--text);font-weight:600}
.bars .model b{font-size:1.35rem;line-height:1.2}
.bars .model i{background:var(--accent)}
.bars .model .track{height:.8rem}
.bars .chance i{background:repeating-linear-gradient(90deg,var(--faint) 0 3px,transparent 3px 6px)}
@media(max-width:36rem){.bars{grid-template-columns:1fr auto}.bars .track{grid-row:2;grid-column:1/-1;margin-bottom:.35rem}}
`;

/**
 * A complete page.
 *
 * @param title plain text
 * @param body HTML
 * @param ownStyle additional CSS
 * @param head additional elements for the head, HTML
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
<main>
<h1>${name}</h1>
${body}
</main>
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

/** A bar of a list; `role` is a class of the style: `model`, `baseline`, `chance`. */
export interface Bar {
  readonly name: string;
  /** Length in [0, 1]. */
  readonly share: number;
  readonly text: string;
  readonly role: string;
}

/** Names, bars and values below each other, plain text. */
export function barList(bars: readonly Bar[]): string {
  const rows = bars.map(({ name, share, text, role }) =>
    `<div class="${role}"><span>${escapeHtml(name)}</span><span class="track"><i style="width:${
      (100 * Math.min(1, Math.max(0, share))).toFixed(1)
    }%"></i></span><b>${escapeHtml(text)}</b></div>`
  );
  return `<div class="bars">${rows.join("")}</div>`;
}

/**
 * A table that scrolls sideways if necessary, all plain text; the first row is the heading. A heading without a
 * name is hidden from screen readers.
 */
export function htmlTable(rows: readonly (readonly string[])[]): string {
  const [head, ...body] = rows;
  const line = (cells: readonly string[], isHead: boolean) =>
    `<tr>${
      cells.map((cell) => {
        const tag = isHead && cell !== "" ? "th" : "td";
        return `<${tag}>${escapeHtml(cell)}</${tag}>`;
      }).join("")
    }</tr>`;
  return `<div class="scroll"><table><thead>${line(head, true)}</thead><tbody>${
    body.map((cells) => line(cells, false)).join("")
  }</tbody></table></div>`;
}
