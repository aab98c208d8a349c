/**
 * Which curves of a run stand in which plot.
 *
 * @module
 */

import { formatPercent } from "../core/number_formats.ts";
import { type CurvePlot, curvePlot, type PlotCurve } from "./curve_plot.ts";
import type { History, HistoryPoint } from "./history.ts";
import { fixedImages } from "./picture_sheet.ts";

/** An evaluation during a run. */
export interface EvaluationRecord {
  readonly step: number;
  readonly name: string;
  readonly result: Readonly<Record<string, number>>;
}

/** A plot by the names of its curves. */
interface PlotOf extends Omit<CurvePlot, "curves"> {
  readonly isOf: (name: string) => boolean;
}

const shares = { range: [0, 1], format: formatPercent } as const;

/** The plots of a run in the order of the page; a curve stands in the first that wants it. */
const plots: readonly PlotOf[] = [
  { title: "Loss", isOf: (name) => /^loss\d*$/.test(name) },
  { title: "Accuracy", isOf: (name) => /^(accuracy\d*|top\d)$/.test(name), format: formatPercent },
  { title: "Cosine to the teacher", isOf: (name) => name === "teacherCosine" },
  { title: "Quantization error", isOf: (name) => name === "quantizationError" },
  { title: "Learning rate", isOf: (name) => name === "learningRate" },
  { title: "Gradient norm", isOf: (name) => name === "gradNorm", scale: "log" },
  { title: "Loss scale", isOf: (name) => name === "lossScale", scale: "log" },
  { title: "Codebook usage", isOf: (name) => name === "codebookUsage", ...shares },
  { title: "Codebook perplexity", isOf: (name) => name === "codebookPerplexity" },
  { title: "Dead codes", isOf: (name) => name === "deadCodes" },
  { title: "Throughput, images/s", isOf: (name) => name === "imagesPerSecond" },
];

/** What other plots show, or no plot: axes, and what the shares of time are made of. */
const isElsewhere = (name: string) =>
  /^(epoch|skipped|stepTime|dataTime|longestIdleSteps|stages\..*)$/.test(name);

/** Steps in which something was skipped. */
function skippedSteps(history: History): number[] {
  return history.curve("skipped").filter(({ high }) => high > 0).map(({ step }) => step);
}

/** Points divided by those of the same steps. */
function ratio(points: readonly HistoryPoint[], by: readonly HistoryPoint[]): HistoryPoint[] {
  const whole = new Map(by.map(({ step, mean }) => [step, mean]));
  return points.flatMap(({ step, mean }) => {
    const divisor = whole.get(step);
    if (divisor === undefined || divisor <= 0) return [];
    const share = mean / divisor;
    return [{ step, low: share, high: share, mean: share }];
  });
}

/** The stages that run in the step itself, not in workers beside it. */
const workerStages = new Set(["load", "augment", "mask"]);

/** Where the time of a step goes: waiting for data, each stage, and the rest. */
function timeShares(history: History): PlotCurve[] {
  const whole = history.curve("stepTime");
  const stages = history.names.filter((name) => name.startsWith("stages."))
    .map((name) => name.slice("stages.".length)).filter((name) => !workerStages.has(name));
  const curves = [
    { name: "waiting for data", points: ratio(history.curve("dataTime"), whole) },
    ...stages.map((name) => ({ name, points: ratio(history.curve(`stages.${name}`), whole) })),
  ].filter(({ points }) => points.length > 0);
  if (curves.length === 0) return [];
  const named = new Map<number, number>();
  for (const { points } of curves) {
    for (const { step, mean } of points) named.set(step, (named.get(step) ?? 0) + mean);
  }
  const rest = whole.filter(({ step }) => named.has(step)).map(({ step }) => {
    const share = Math.max(0, 1 - named.get(step)!);
    return { step, low: share, high: share, mean: share };
  });
  return [...curves, { name: "rest", points: rest }];
}

/** Evaluations by what was measured, as curves: `features knnTop1`. */
function evaluationCurves(evaluations: readonly EvaluationRecord[]): Map<string, PlotCurve[]> {
  const byKey = new Map<string, Map<string, HistoryPoint[]>>();
  for (const { step, name, result } of evaluations) {
    for (const [key, value] of Object.entries(result)) {
      const ofKey = byKey.get(key) ?? new Map<string, HistoryPoint[]>();
      byKey.set(
        key,
        ofKey.set(name, [
          ...ofKey.get(name) ?? [],
          { step, low: value, high: value, mean: value },
        ]),
      );
    }
  }
  return new Map([...byKey].map(([key, ofKey]) => [
    key,
    [...ofKey].map(([name, points]) => ({ name, points, hasDots: true })),
  ]));
}

const codeNames: Readonly<Record<string, string>> = {
  targetCodes: "targets",
  predictedCodes: "predicted",
  codesInUse: "in use",
};

/** Right predictions and different codes in the images of which the report has pictures. */
function fixedImagePlots(evaluations: readonly EvaluationRecord[]): CurvePlot[] {
  const curves = evaluationCurves(evaluations.filter(({ name }) => name === fixedImages));
  const codes = [...curves].flatMap(([key, [curve]]) =>
    key in codeNames ? [{ ...curve, name: codeNames[key] }] : []
  );
  const accuracy = curves.get("accuracy") ?? [];
  return [
    {
      title: "Accuracy on the fixed images",
      curves: accuracy.map((curve) => ({ ...curve, name: "" })),
      format: formatPercent,
    },
    { title: "Codes in the fixed images", curves: codes },
  ];
}

const evaluationTitles: Readonly<Record<string, string>> = {
  knnTop1: "k-NN accuracy",
  linearTop1: "Linear accuracy",
  top1: "Accuracy, top 1",
};

/**
 * All plots of a run as SVG figures.
 *
 * @example
 * ```ts
 * import { History } from "./history.ts";
 * import { runPlots } from "./run_plots.ts";
 * const history = new History();
 * history.add({ step: 1, loss: 2, gradNorm: null, skipped: true });
 * history.add({ step: 2, loss: 1, gradNorm: 3, skipped: false });
 * const [loss, gradients] = runPlots(history, []);
 * if (!loss.includes("Loss") || !gradients.includes("skipped")) throw new Error(gradients);
 * ```
 */
export function runPlots(
  history: History,
  evaluations: readonly EvaluationRecord[],
): string[] {
  const isUnused = (name: string) =>
    name === "lossScale" && history.curve(name).every(({ low, high }) => low === 1 && high === 1);
  const wanted = history.names.filter((name) => !isElsewhere(name) && !isUnused(name));
  const taken = new Set<string>();
  const curveOf = (name: string) => ({ name, points: history.curve(name) });
  const marks = { steps: skippedSteps(history), label: "skipped steps" };
  const drawn = plots.map(({ isOf, ...plot }) => {
    const names = wanted.filter((name) => !taken.has(name) && isOf(name));
    for (const name of names) taken.add(name);
    const isMarked = plot.title === "Gradient norm" && marks.steps.length > 0;
    return curvePlot({ ...plot, curves: names.map(curveOf), ...(isMarked ? { marks } : {}) });
  });
  const evaluated = [...evaluationCurves(evaluations.filter(({ name }) => name !== fixedImages))]
    .filter(([key]) => key in evaluationTitles || !/top5$/i.test(key))
    .map(([key, curves]) => {
      const isShare = /top\d|accuracy|usage/i.test(key);
      return {
        title: evaluationTitles[key] ?? key,
        curves,
        ...(isShare ? { format: formatPercent } : {}),
      };
    });
  // A single evaluation makes no curve: it stands above and in the table.
  const overTime = [...evaluated, ...fixedImagePlots(evaluations)]
    .filter(({ curves }) => curves.some(({ points }) => points.length > 1))
    .map((plot) => curvePlot(plot));
  const others = wanted.filter((name) => !taken.has(name))
    .map((name) => curvePlot({ title: name, curves: [curveOf(name)] }));
  const time = curvePlot({
    title: "Time of a step",
    curves: timeShares(history),
    isStacked: true,
    format: formatPercent,
  });
  return [...drawn, time, ...overTime, ...others].filter((plot) => plot !== "");
}
