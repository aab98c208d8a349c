/**
 * `report.html` of a run: curves, pictures, config and data on one page without scripts.
 *
 * @module
 */

import { formatMetric, metricName, metricUnit, tellingMetrics } from "../core/metric_names.ts";
import { formatCount, formatFigure, formatSeconds } from "../core/number_formats.ts";
import { classBars, confusionHtml, confusionStyle } from "./confusion_matrix.ts";
import { curvePlotStyle, smoothedPoints } from "./curve_plot.ts";
import type { History } from "./history.ts";
import { barList, escapeHtml, figureCards, htmlPage, htmlTable } from "./html.ts";
import { pictureSheetStyle } from "./picture_sheet.ts";
import { type ResultGroup, runResults } from "./results.ts";
import { type EvaluationRecord, runPlots } from "./run_plots.ts";

/** The images of a run. */
export interface DataSummary {
  /** The folder, archive or name given in the config. */
  readonly location: string;
  readonly files: number;
  readonly classes: readonly string[];
}

/** A file that was skipped. */
export interface RejectedFile {
  readonly id: string;
  readonly reason: string;
}

/**
 * A run's status: ended before the end of its schedule by `evaluation.stop` (`early`), by
 * `--max-steps` (`cut`), by an error (`failed`) or by a signal (`interrupted`).
 */
export type RunStatus = "running" | "finished" | "early" | "cut" | "interrupted" | "failed";

/** What the page shows. */
export interface RunReport {
  readonly name: string;
  /** What the run does, in words. */
  readonly title: string;
  readonly status: RunStatus;
  /** Working time in seconds, without pauses between an interruption and a resume. */
  readonly elapsedSeconds: number;
  /** Trained parameters in the model; null before the first checkpoint. */
  readonly parameters: number | null;
  /** When the page was written, in seconds since 1970. */
  readonly time: number;
  readonly step: number;
  /** Steps in the whole schedule. */
  readonly totalSteps: number;
  readonly history: History;
  readonly evaluations: readonly EvaluationRecord[];
  readonly warnings: readonly string[];
  /** Rows of pictures as HTML, with the step at which they were drawn; null before the first. */
  readonly pictures:
    | { readonly step: number; readonly title: string; readonly html: string }
    | null;
  /** Leaves of the resolved config, with the origin of each. */
  readonly config: readonly (readonly [key: string, value: string, origin: string])[];
  /** Device, versions and so on. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  readonly data: DataSummary | null;
  readonly rejected: readonly RejectedFile[];
  /** Seconds after which an open page reloads itself; null if it never does. */
  readonly refreshSeconds: number | null;
}

/** Entries of a list that are shown; the rest are counted. */
const mostListed = 100;

const style = `${curvePlotStyle}${pictureSheetStyle}${confusionStyle}
.head{display:flex;flex-wrap:wrap;gap:.3rem 1rem;align-items:center;margin:.2rem 0}
.status{display:inline-flex;align-items:center;gap:.5em;border-radius:1rem;padding:.1rem .8rem;font-weight:600;
font-size:.9rem;background:color-mix(in oklab,currentColor 12%,transparent)}
.status::before{content:"";width:.55em;height:.55em;border-radius:50%;background:currentColor}
.running{color:var(--accent)}.finished,.early{color:var(--good)}.cut,.interrupted,.failed{color:var(--bad)}
progress{width:100%;height:.5rem;accent-color:var(--accent);display:block;margin:.8rem 0}
.verdict{font-size:1.05rem;margin:1rem 0}
.warning{border-left:3px solid var(--bad);padding-left:.8rem}
.note{margin:0 0 .8rem}
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

/** The status in words. */
function statusText({ status, step, totalSteps }: RunReport): string {
  const place = `at step ${formatCount(step)} of ${formatCount(totalSteps)}`;
  const texts: Readonly<Record<RunStatus, string>> = {
    running: "running",
    finished: "finished",
    early: `stopped early ${place}`,
    cut: `stopped by --max-steps ${place}`,
    interrupted: `interrupted ${place}`,
    failed: `ended by an error ${place}`,
  };
  return texts[status];
}

/** Metrics of the last step that get a tile, if the run has them. */
const tiles = [
  "loss",
  "teacherCosine",
  "codebookUsage",
  "codebookPerplexity",
  "deadCodes",
  "longestIdleSteps",
  "imagesPerSecond",
];

/** The run's position, and the last step's metrics: those in the plots' legends. */
function headline(report: RunReport): string {
  const { history, status, step, totalSteps, elapsedSeconds, parameters } = report;
  const last = history.last ?? {};
  const isRunning = status === "running";
  const steps = `${formatCount(step)} / ${formatCount(totalSteps)}`;
  const figures: [string, string][] = [["step", steps]];
  if (typeof last.epoch === "number") figures.push(["epoch", last.epoch.toFixed(2)]);
  figures.push(["elapsed time", formatSeconds(elapsedSeconds)]);
  const stepTime = history.curve("stepTime").at(-1)?.mean;
  if (stepTime !== undefined && isRunning && step < totalSteps) {
    figures.push(["time left", formatSeconds(stepTime * (totalSteps - step))]);
  }
  if (parameters !== null) figures.push(["parameters", formatFigure(parameters)]);
  for (const key of tiles) {
    const value = last[key];
    if (typeof value === "number") figures.push([metricName(key), formatMetric(key, value)]);
  }
  const bar = isRunning
    ? `<progress aria-label="steps" max="${totalSteps}" value="${step}"></progress>`
    : "";
  return bar + figureCards(figures);
}

/** A difference of shares in words: `7.3 points above`. */
function difference(own: number, other: number): string {
  const points = 100 * (own - other);
  if (Math.abs(points) < 0.05) return "level with";
  return `${Math.abs(points).toFixed(1)} points ${points > 0 ? "above" : "below"}`;
}

/** A result in a sentence. */
function sentenceOf({ key, rows, title }: ResultGroup): string {
  const [own, ...others] = rows;
  const isShare = metricUnit(key) === "share";
  const compared = others.filter(({ name, role }) =>
    isShare && role !== "model" && !/^(best|layer)/.test(name)
  )
    .map(({ name, value }) => {
      const article = name === metricName("untrained") ? "the " : "";
      return `${difference(own.value, value)} ${article}${name}`;
    });
  const against = compared.length === 0
    ? ""
    : `: ${new Intl.ListFormat("en", { type: "conjunction" }).format(compared)}`;
  return `<b>${formatMetric(key, own.value)}</b> ${
    escapeHtml(title[0].toLowerCase() + title.slice(1) + against)
  }.`;
}

/** The trained model's results, next to what it has to beat. */
function resultSection({ evaluations, data }: RunReport): string {
  const groups = runResults(evaluations, data?.classes.length ?? 0);
  if (groups.length === 0) return "";
  const main = groups.filter(({ key }) => !/top5$/i.test(key));
  // A rank's bars are relative to the highest.
  const whole = (key: string, rows: ResultGroup["rows"]) =>
    metricUnit(key) === "share" ? 1 : Math.max(...rows.map(({ value }) => value));
  const cards = main.map(({ key, title, step, rows }) =>
    `<div class="card"><h2>${escapeHtml(title)} <span class="faint">step ${
      formatCount(step)
    }</span></h2>${
      barList(rows.map(({ name, value, role }) => ({
        name,
        share: value / whole(key, rows),
        text: formatMetric(key, value),
        role,
      })))
    }</div>`
  );
  // Frozen features are rated in two ways, neither of which says it all.
  const told = main.filter(({ key }, index) => index === 0 || key === "linearTop1");
  const verdict = `<p class="verdict">${told.map(sentenceOf).join("<br>")}</p>`;
  return verdict + `<div class="cards">${cards.join("")}</div>`;
}

function plotSection(title: string, plots: readonly string[], note = ""): string {
  if (plots.length === 0) return "";
  return `<h2>${title}</h2>${note}<div class="plots">${plots.join("")}</div>`;
}

/** The latest confusion matrix. */
function confusionSection({ evaluations }: RunReport): string {
  const last = evaluations.findLast(({ confusion }) => confusion !== undefined);
  if (last === undefined) return "";
  const matrix = last.confusion!;
  const classes = last.result.mIoU !== undefined
    ? `<h3>Intersection over union</h3>${classBars(matrix)}`
    : "";
  return `<h2>Classes, step ${formatCount(last.step)}</h2>${classes}${confusionHtml(matrix)}`;
}

function evaluationTable({ evaluations, data }: RunReport): string {
  if (evaluations.length === 0) return "";
  const classes = data?.classes.length ?? Infinity;
  const rows = evaluations.slice(-mostListed).map(({ step, name, result }) => [
    `step ${step}`,
    metricName(name),
    Object.entries(tellingMetrics(result, classes)).map(([key, value]) =>
      `${metricName(key)} ${formatMetric(key, value)}`
    ).join(", "),
  ]);
  return `<details><summary>All evaluations (${evaluations.length})</summary>${
    leftTable([["when", "of", "result"], ...rows])
  }</details>`;
}

function dataSection({ data, rejected, config }: RunReport): string {
  if (data === null) return "";
  const { location, files, classes } = data;
  // The classes of a segmentation are those of its pixels, and are shown with its results.
  const kinds = classes.length > 0
    ? `, ${classes.length} classes`
    : config.some(([key]) => key.startsWith("segmentation."))
    ? ""
    : ", without classes";
  const parts = [
    `<h2>Data</h2><p>${formatCount(files)} files in <code>${escapeHtml(location)}</code>${kinds}, ${
      rejected.length === 0 ? "none" : formatCount(rejected.length)
    } rejected.</p>`,
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

/** Pictures, as the model sees them. */
function pictureSection({ pictures }: RunReport): string {
  if (pictures === null) return "";
  return `<h2>${escapeHtml(pictures.title)}, step ${
    formatCount(pictures.step)
  }</h2>${pictures.html}`;
}

const trainingNote =
  '<p class="faint note">Numbers are those of the last step. Lines of more than ' +
  `${smoothedPoints} steps are smoothed; the band behind them holds every value.</p>`;

/**
 * The page as a single HTML file. Its size is bounded however long the run is: see {@link History}.
 *
 * @example
 * ```ts
 * import { History } from "./history.ts";
 * import { runReportPage } from "./run_report.ts";
 * const history = new History();
 * for (const step of [1, 2, 3]) history.add({ step, loss: 5 - step, learningRate: 1e-3 });
 * const page = runReportPage({
 *   name: "<run>", title: "pretraining", status: "running", time: 0, step: 3, totalSteps: 9, history,
 *   elapsedSeconds: 2, parameters: 1000, evaluations: [], warnings: [], pictures: null,
 *   config: [["seed", "0", "default"]], facts: [], data: null, rejected: [], refreshSeconds: 30,
 * });
 * if (!page.includes("<svg") || page.includes("<run>")) throw new Error(page);
 * ```
 */
export function runReportPage(report: RunReport): string {
  const { name, title, status, time, warnings, config, facts, refreshSeconds } = report;
  const { method = title } = Object.fromEntries(facts);
  const newest = warnings.slice(-5).map((message) =>
    `<p class="warning">${escapeHtml(message)}</p>`
  );
  const plots = runPlots(report.history, report.evaluations);
  const parts = [
    `<p class="head"><span class="status ${status}">${escapeHtml(statusText(report))}</span> ` +
    `<span class="faint">${escapeHtml(method)} · ${formatTime(time)}</span></p>`,
    resultSection(report),
    headline(report),
    ...newest,
    plotSection("Training", [...plots.results, ...plots.training], trainingNote),
    pictureSection(report),
    confusionSection(report),
    plotSection("Optimization and speed", plots.machine),
    "<h2>Run</h2>",
    `<div class="facts">${leftTable([["what", "value"], ...facts])}</div>`,
    dataSection(report),
    evaluationTable(report),
    warnings.length > newest.length
      ? `<details><summary>All warnings (${warnings.length})</summary>${list(warnings)}</details>`
      : "",
    `<details><summary>Config (${config.length} keys)</summary>${
      leftTable([["key", "value", "origin"], ...config])
    }</details>`,
  ];
  const refresh = refreshSeconds === null
    ? ""
    : `<meta http-equiv="refresh" content="${Math.ceil(refreshSeconds)}">`;
  return htmlPage(name, parts.filter((part) => part !== "").join("\n"), style, refresh);
}
