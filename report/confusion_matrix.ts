/**
 * A confusion matrix as a coloured table.
 *
 * @module
 */

import { formatCount, formatPercent } from "../core/number_formats.ts";
import { barList, escapeHtml } from "./html.ts";

/** An evaluation's counts by true class (row) and predicted class (column). */
export interface ConfusionMatrix {
  readonly classes: readonly string[];
  readonly counts: readonly (readonly number[])[];
}

/** Number of classes up to which all pairs are kept and shown: a larger table is not readable. */
export const mostConfusionClasses = 64;

/** Number of classes up to which the cells contain numbers. */
const mostNumbered = 16;
/** Maximum percentage of colour in a cell: black text on it is readable on a light page. */
const mostStrength = 75;
/** Percentage above which, on a dark page, black text is readable and white no longer is. */
const strongFrom = { hit: 58, miss: 56 };
/** Pairs that are named. */
const namedPairs = 5;

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/** The classes most often confused with another one, in words. */
function worstPairs({ classes, counts }: ConfusionMatrix): string {
  const pairs = counts.flatMap((row, label) =>
    row.map((count, other) => ({ label, other, count, share: count / (sum(row) || 1) }))
  ).filter(({ label, other, count }) => label !== other && count > 0);
  pairs.sort((a, b) => b.count - a.count);
  const lines = pairs.slice(0, namedPairs).map(({ label, other, share }) =>
    `<li><b>${escapeHtml(classes[label])}</b> mistaken for <b>${escapeHtml(classes[other])}</b> ` +
    `<span class="faint">${formatPercent(share)}</span></li>`
  );
  return lines.length === 0 ? "" : `<ol class="pairs">${lines.join("")}</ol>`;
}

function cell(
  { classes, counts }: ConfusionMatrix,
  label: number,
  other: number,
): string {
  const count = counts[label][other];
  const share = count / (sum(counts[label]) || 1);
  const name = `${classes[label]} mistaken for ${classes[other]}: ${formatCount(count)}, ` +
    formatPercent(share);
  const percent = Math.round(100 * share);
  const text = classes.length > mostNumbered || count === 0 ? "" : percent === 0 ? "<1" : percent;
  const strength = count === 0 ? 0 : Math.round(8 + (mostStrength - 8) * share);
  const kind = label === other ? "hit" : "miss";
  return `<td class="${kind}${strength > strongFrom[kind] ? " strong" : ""}" ` +
    `style="--a:${strength}%" title="${escapeHtml(name)}">${text}</td>`;
}

/**
 * The matrix as HTML: a row for each true class, a column for each predicted one, each cell coloured according
 * to its share of the row.
 *
 * @example
 * ```ts
 * import { confusionHtml } from "./confusion_matrix.ts";
 * const html = confusionHtml({ classes: ["a<b", "c"], counts: [[3, 1], [0, 4]] });
 * if (!html.includes("a&lt;b") || !html.includes(">75<")) throw new Error(html);
 * ```
 */
export function confusionHtml(matrix: ConfusionMatrix): string {
  const { classes, counts } = matrix;
  const head = classes.map((name) => `<th scope="col"><span>${escapeHtml(name)}</span></th>`);
  const rows = classes.map((name, label) =>
    `<tr><th scope="row">${escapeHtml(name)}</th>${
      classes.map((_, other) => cell(matrix, label, other)).join("")
    }</tr>`
  );
  const images = formatCount(sum(counts.map(sum)));
  return `<p class="faint">A row for each class, a column for each answer, in percent of the row; ` +
    `${images} in all. Correct answers are on the diagonal.</p><div class="confusion">` +
    `<div class="scroll" role="region" aria-label="Confusion matrix" tabindex="0"><table><thead><tr>` +
    `<td></td>${head.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${
      worstPairs(matrix)
    }</div>`;
}

/** Intersection over union of each class as bars, best first; null if a class occurs nowhere. */
export function classBars({ classes, counts }: ConfusionMatrix): string {
  const bars = classes.flatMap((name, label) => {
    const hits = counts[label][label];
    const union = sum(counts[label]) + sum(counts.map((row) => row[label])) - hits;
    const share = hits / union;
    return union === 0 ? [] : [{ name, share, text: formatPercent(share), role: "baseline" }];
  });
  return `<div class="card">${barList(bars.sort((a, b) => b.share - a.share))}</div>`;
}

/** The style for matrices. */
export const confusionStyle = `
.confusion{display:flex;flex-wrap:wrap;gap:1rem 2.5rem;align-items:start}
.confusion table{font-size:.8rem}
.confusion th,.confusion td{border:0;padding:0}
.confusion th{font-weight:normal;color:var(--faint);white-space:nowrap}
.confusion th[scope=row]{text-align:right;padding:0 .6rem 0 0;max-width:10rem;overflow:hidden;text-overflow:ellipsis}
.confusion th[scope=col]{height:6.5rem;vertical-align:bottom;padding-bottom:.3rem}
.confusion th[scope=col] span{writing-mode:vertical-rl;transform:rotate(180deg);max-height:6rem;overflow:hidden}
.confusion td{min-width:1.1rem;height:2.1rem;text-align:center;border:1px solid var(--page);border-radius:.3rem}
.confusion:not(:has(tr:nth-child(17))) td{min-width:2.4rem}
.confusion:has(tr:nth-child(17)) td{height:1.1rem}
.confusion .hit{background:color-mix(in oklab,var(--s0) var(--a),var(--empty))}
.confusion .miss{background:color-mix(in oklab,var(--s1) var(--a),var(--empty))}
@media(prefers-color-scheme:dark){.confusion td{color:#fff}.confusion .strong{color:#000}}
.pairs{margin:.2rem 0;padding-left:1.2rem}
`;
