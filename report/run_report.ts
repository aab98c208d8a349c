/**
 * `report.html` of a run: curves, pictures, config and data on one page without scripts.
 *
 * @module
 */

import { formatMetric, metricName } from "../core/metric_names.ts";
import { formatFigure, formatPercent, formatSeconds } from "../core/number_formats.ts";
import { curvePlotStyle } from "./curve_plot.ts";
import type { History } from "./history.ts";
import { escapeHtml, figureCards, htmlPage, htmlTable } from "./html.ts";
import { pictureSheetStyle } from "./picture_sheet.ts";
import { type EvaluationRecord, runPlots } from "./run_plots.ts";

/** The images of a run. */
export interface DataSummary {
  /** The folder, archive or name that the config gives. */
  readonly location: string;
  readonly files: number;
  readonly classes: readonly string[];
}

/** A file that was left out. */
export interface RejectedFile {
  readonly id: string;
  readonly reason: string;
}

/** How a run stands. */
export type RunStatus = "running" | "finished" | "interrupted" | "stopped";

/** What the page shows. */
export interface RunReport {
  readonly name: string;
  readonly task: string;
  readonly status: RunStatus;
  /** Seconds since 1970 at which the page was made. */
  readonly time: number;
  readonly step: number;
  readonly totalSteps: number;
  readonly history: History;
  readonly evaluations: readonly EvaluationRecord[];
  readonly warnings: readonly string[];
  /** Rows of pictures as HTML, with the step at which they were made; null before the first. */
  readonly pictures:
    | { readonly step: number; readonly title: string; readonly html: string }
    | null;
  /** Leaves of the resolved config with where each came from. */
  readonly config: readonly (readonly [key: string, value: string, origin: string])[];
  /** Device, versions and the like. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly data: DataSummary | null;
  readonly rejected: readonly RejectedFile[];
  /** Seconds after which an open page loads itself anew; null where it stays as it is. */
  readonly refreshSeconds: number | null;
}

/** Entries of a list that are shown; what is beyond is counted. */
const mostListed = 100;

const style = `${curvePlotStyle}${pictureSheetStyle}
.status{display:inline-block;border-radius:1rem;padding:0 .7rem;border:1px solid currentColor}
.running{color:var(--s0)}.finished{color:var(--s2)}.interrupted,.stopped{color:var(--s1)}
.warning{border-left:3px solid var(--s1);padding-left:.7rem}
td{overflow-wrap:anywhere}
.facts td:first-child{white-space:nowrap}
.left td,.left th{text-align:left;vertical-align:top}
details{margin:1rem 0}
summary{cursor:pointer;font-weight:600}
code{font-size:.9em}
`;

function list(lines: readonly string[]): string {
  const shown = lines.slice(0, mostListed).map((line) => `<li>${escapeHtml(line)}</li>`);
  const more = lines.length - shown.length;
  return `<ul>${shown.join("")}${more > 0 ? `<li>… and ${more} more</li>` : ""}</ul>`;
}

function leftTable(rows: readonly (readonly string[])[]): string {
  return `<div class="left">${htmlTable(rows)}</div>`;
}

/** The best of what the reader looks for first. */
function headline({ history, step, totalSteps, evaluations }: RunReport): string {
  const last = history.last ?? {};
  const figures: [string, string][] = [["step", `${step} of ${totalSteps}`]];
  if (typeof last.epoch === "number") figures.push(["epoch", last.epoch.toFixed(2)]);
  if (typeof last.loss === "number") figures.push(["loss", formatFigure(last.loss)]);
  const speed = history.curve("imagesPerSecond").at(-1)?.mean;
  if (speed !== undefined) figures.push(["images/s", formatFigure(+speed.toPrecision(3))]);
  const stepTime = history.curve("stepTime").at(-1)?.mean;
  if (stepTime !== undefined && step < totalSteps) {
    figures.push(["time left", formatSeconds(stepTime * (totalSteps - step))]);
  }
  const newest = new Map<string, number>();
  for (const { name, result } of evaluations) {
    for (const [key, value] of Object.entries(result)) {
      if (/top1$/i.test(key)) newest.set(metricName(`${name}/${key}`), value);
    }
  }
  for (const [name, value] of [...newest].slice(-4)) {
    figures.push([name, formatPercent(value)]);
  }
  return figureCards(figures);
}

function evaluationTable(evaluations: readonly EvaluationRecord[]): string {
  if (evaluations.length === 0) return "";
  const rows = evaluations.slice(-mostListed).map(({ step, name, result }) => [
    `step ${step}`,
    metricName(name),
    Object.entries(result).map(([key, value]) => `${metricName(key)} ${formatMetric(key, value)}`)
      .join(", "),
  ]);
  return `<details><summary>Evaluations (${evaluations.length})</summary>${
    leftTable([["", "of", "result"], ...rows])
  }</details>`;
}

function dataSection({ data, rejected }: RunReport): string {
  if (data === null) return "";
  const { location, files, classes } = data;
  const parts = [
    `<h2>Data</h2><p>${files} files of <code>${escapeHtml(location)}</code>, ${
      classes.length === 0 ? "without classes" : `${classes.length} classes`
    }, ${rejected.length === 0 ? "none" : rejected.length} rejected.</p>`,
  ];
  if (rejected.length > 0) {
    const rows = rejected.slice(0, mostListed).map(({ id, reason }) => [id, reason]);
    parts.push(leftTable([["rejected file", "reason"], ...rows]));
    if (rejected.length > rows.length) {
      parts.push(`<p class="faint">… and ${rejected.length - rows.length} more.</p>`);
    }
  }
  if (classes.length > 0) {
    parts.push(
      `<details><summary>Classes (${classes.length})</summary>${list(classes)}</details>`,
    );
  }
  return parts.join("");
}

/** `2026-08-01 12:34:56 UTC` */
function formatTime(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/**
 * The page as HTML, of one file. Its size is bounded however long the run is: see {@link History}.
 *
 * @example
 * ```ts
 * import { History } from "./history.ts";
 * import { runReportPage } from "./run_report.ts";
 * const history = new History();
 * for (const step of [1, 2, 3]) history.add({ step, loss: 5 - step, learningRate: 1e-3 });
 * const page = runReportPage({
 *   name: "<run>", task: "pretrain", status: "running", time: 0, step: 3, totalSteps: 9, history,
 *   evaluations: [], warnings: [], pictures: null, config: [["seed", "0", "default"]], facts: [],
 *   data: null, rejected: [], refreshSeconds: 30,
 * });
 * if (!page.includes("<svg") || page.includes("<run>")) throw new Error(page);
 * ```
 */
export function runReportPage(report: RunReport): string {
  const { name, task, status, time, warnings, pictures, config, facts, refreshSeconds } = report;
  const isNewest = warnings.slice(-5).map((message) =>
    `<p class="warning">${escapeHtml(message)}</p>`
  );
  const parts = [
    `<p><span class="status ${status}">${status}</span> <span class="faint">${
      escapeHtml(task)
    }, written ${formatTime(time)}</span></p>`,
    headline(report),
    ...isNewest,
    `<div class="plots">${runPlots(report.history, report.evaluations).join("")}</div>`,
    evaluationTable(report.evaluations),
    pictures === null
      ? ""
      : `<h2>${escapeHtml(pictures.title)}, step ${pictures.step}</h2>${pictures.html}`,
    warnings.length > isNewest.length
      ? `<details><summary>All warnings (${warnings.length})</summary>${list(warnings)}</details>`
      : "",
    dataSection(report),
    "<h2>Run</h2>",
    `<div class="facts">${leftTable([["", ""], ...facts])}</div>`,
    `<details><summary>Config (${config.length} keys)</summary>${
      leftTable([["key", "value", "origin"], ...config])
    }</details>`,
  ];
  const refresh = refreshSeconds === null
    ? ""
    : `<meta http-equiv="refresh" content="${Math.ceil(refreshSeconds)}">`;
  return htmlPage(name, parts.filter((part) => part !== "").join("\n"), style, refresh);
}
