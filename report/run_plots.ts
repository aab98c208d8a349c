/**
 * Which of a run's curves appear in which plot.
 *
 * @module
 */

import { formatMetric, metricName } from "../core/metric_names.ts";
import { formatPercent, formatRate } from "../core/number_formats.ts";
import { type CurvePlot, curvePlot, type PlotCurve } from "./curve_plot.ts";
import type { ConfusionMatrix } from "./confusion_matrix.ts";
import type { History, HistoryPoint } from "./history.ts";
import { fixedImages } from "./picture_sheet.ts";

/** An evaluation during a run. */
export interface EvaluationRecord {
  readonly step: number;
  readonly name: string;
  readonly result: Readonly<Record<string, number>>;
  /** For a classifier or segmentation model with few classes: the confusion matrix. */
  readonly confusion?: ConfusionMatrix;
}

/** A plot by the names of its curves. */
interface PlotOf extends Omit<CurvePlot, "curves"> {
  readonly isOf: (name: string) => boolean;
  readonly topic: Topic;
  readonly isExact?: boolean;
}

function isNamed(...names: readonly string[]): (name: string) => boolean {
  return (name) => names.includes(name);
}

const shares = { range: [0, 1], format: formatPercent } as const;

/** What a group of plots is about. */
type Topic = "result" | "training" | "machine";

/** A run's plots in page order; a curve appears in the first one that includes it. */
const plots: readonly PlotOf[] = [
  {
    title: "Loss",
    topic: "training",
    isOf: (name) => /^(loss\d*|headLoss|auxiliaryLoss)$/.test(name),
  },
  {
    title: "Code accuracy",
    topic: "training",
    isOf: (name) => /^accuracy\d$/.test(name),
    format: formatPercent,
  },
  {
    title: "Training accuracy",
    topic: "training",
    isOf: (name) => /^(accuracy|top\d)$/.test(name),
    format: formatPercent,
  },
  { title: "Teacher cosine similarity", topic: "training", isOf: isNamed("teacherCosine") },
  {
    title: "Losses of the tokenizer",
    topic: "training",
    isOf: isNamed("reconstructionLoss", "quantizationLoss"),
  },
  { title: "Quantization error", topic: "training", isOf: isNamed("quantizationError") },
  { title: "Codebook usage", topic: "training", isOf: isNamed("codebookUsage"), ...shares },
  { title: "Codebook perplexity", topic: "training", isOf: isNamed("codebookPerplexity") },
  { title: "Dead codes", topic: "training", isOf: isNamed("deadCodes") },
  { title: "Longest idle code, steps", topic: "training", isOf: isNamed("longestIdleSteps") },
  {
    title: "Learning rate",
    topic: "machine",
    isOf: isNamed("learningRate"),
    format: formatRate,
    isExact: true,
  },
  { title: "Gradient norm", topic: "machine", isOf: isNamed("gradNorm"), scale: "log" },
  { title: "Loss scale", topic: "machine", isOf: isNamed("lossScale"), scale: "log" },
  { title: "Throughput, images/s", topic: "machine", isOf: isNamed("imagesPerSecond") },
];

/** Shown in other plots, or in none: axes, and what the time shares are computed from. */
const isElsewhere = (name: string) => /^(epoch|skipped|stepTime|dataTime|stages\..*)$/.test(name);

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

/** The stages that run in the step itself, not in workers alongside it. */
const workerStages = new Set(["load", "augment", "mask"]);

/** Where the time of a step goes: waiting for data, each stage, and the rest. */
function timeShares(history: History): PlotCurve[] {
  const whole = history.curve("stepTime");
  const stages = history.names.filter((name) => name.startsWith("stages."))
    .map((name) => name.slice("stages.".length)).filter((name) => !workerStages.has(name));
  const curves = [
    { name: metricName("dataTime"), points: ratio(history.curve("dataTime"), whole) },
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

/** Evaluations by metric, with a curve for each thing evaluated. */
function evaluationCurves(evaluations: readonly EvaluationRecord[]): Map<string, PlotCurve[]> {
  const byKey = new Map<string, Map<string, HistoryPoint[]>>();
  for (const { step, name, result } of evaluations) {
    for (const [key, value] of Object.entries(result)) {
      const ofKey = byKey.get(key) ?? new Map<string, HistoryPoint[]>();
      byKey.set(key, ofKey);
      ofKey.set(name, [...ofKey.get(name) ?? [], { step, low: value, high: value, mean: value }]);
    }
  }
  return new Map([...byKey].map(([key, ofKey]) => {
    const isCurve = [...ofKey.values()].some((points) => points.length > 1);
    return [
      key,
      [...ofKey].map(([name, points]) => ({
        name: metricName(name),
        points,
        hasDots: true,
        // The untrained network and the raw pixels are measured once.
        isLevel: isCurve && points.length === 1,
      })),
    ];
  }));
}

/** Correct predictions and distinct codes in the images that the report shows. */
function fixedImagePlots(evaluations: readonly EvaluationRecord[]): CurvePlot[] {
  const curves = evaluationCurves(evaluations.filter(({ name }) => name === fixedImages));
  const codes = [...curves].flatMap(([key, [curve]]) =>
    /codes/i.test(key) ? [{ ...curve, name: metricName(key) }] : []
  );
  return [...curves].flatMap(([key, [curve]]): CurvePlot[] =>
    /codes/i.test(key) ? [] : [{
      title: `${titleOf(key)} on the pictures below`,
      curves: [{ ...curve, name: "last" }],
      format: (value) => formatMetric(key, value),
    }]
  ).concat({ title: "Codes in the pictures below", curves: codes });
}

/** A name as the title of a plot. */
function titleOf(key: string): string {
  const name = metricName(key);
  return name[0].toUpperCase() + name.slice(1);
}

const evaluationTitles: Readonly<Record<string, string>> = {
  knnTop1: "k-NN accuracy",
  linearTop1: "Linear accuracy",
  mIoU: "mIoU",
};

/** A curve's name without what the plot's title already says. */
function nameUnder(title: string, { name }: PlotCurve, all: readonly PlotCurve[]): string {
  if (all.length === 1) return "last step";
  const known = title.toLowerCase();
  if (name === known) return "total";
  return name.startsWith(`${known}, `) ? name.slice(known.length + 2) : name;
}

/** A run's plots as SVG figures, grouped by subject. */
export interface RunPlots {
  /** Accuracies over the run; empty if they were measured only at its end. */
  readonly results: readonly string[];
  readonly training: readonly string[];
  /** Learning rate, gradients, speed. */
  readonly machine: readonly string[];
}

/**
 * All plots of a run. If a curve is smoothed, its legend still shows the last step's value.
 *
 * @example
 * ```ts
 * import { History } from "./history.ts";
 * import { runPlots } from "./run_plots.ts";
 * const history = new History();
 * history.add({ step: 1, loss: 2, gradNorm: null, skipped: true });
 * history.add({ step: 2, loss: 1, gradNorm: 3, skipped: false });
 * const { training: [loss], machine: [gradients] } = runPlots(history, []);
 * if (!loss.includes("Loss") || !gradients.includes("skipped")) throw new Error(gradients);
 * ```
 */
export function runPlots(history: History, evaluations: readonly EvaluationRecord[]): RunPlots {
  const isUnused = (name: string) =>
    name === "lossScale" && history.curve(name).every(({ low, high }) => low === 1 && high === 1);
  const wanted = history.names.filter((name) => !isElsewhere(name) && !isUnused(name));
  const taken = new Set<string>();
  const curveOf = (name: string): PlotCurve => {
    const last = history.last?.[name];
    return {
      name: metricName(name),
      points: history.curve(name),
      ...(typeof last === "number" && Number.isFinite(last) ? { last } : {}),
    };
  };
  const marks = { steps: skippedSteps(history), label: "skipped steps" };
  const drawn: Record<Topic, string[]> = { result: [], training: [], machine: [] };
  for (const { isOf, topic, isExact = false, ...plot } of plots) {
    const names = wanted.filter((name) => !taken.has(name) && isOf(name));
    for (const name of names) taken.add(name);
    const isMarked = plot.title === "Gradient norm" && marks.steps.length > 0;
    const curves = names.map(curveOf);
    const named = curves.map((curve) => ({
      ...curve,
      isExact,
      name: nameUnder(plot.title, curve, curves),
    }));
    drawn[topic].push(curvePlot({ ...plot, curves: named, ...(isMarked ? { marks } : {}) }));
  }
  for (const name of wanted.filter((name) => !taken.has(name))) {
    const format = (value: number) => formatMetric(name, value);
    const curves = [{ ...curveOf(name), name: "last step" }];
    drawn.training.push(curvePlot({ title: titleOf(name), curves, format }));
  }
  drawn.machine.push(curvePlot({
    title: "Time per step",
    curves: timeShares(history),
    isStacked: true,
    format: formatPercent,
  }));
  const evaluated = [...evaluationCurves(evaluations.filter(({ name }) => name !== fixedImages))]
    .filter(([key]) => !/top5$/i.test(key))
    .map(([key, curves]): CurvePlot => ({
      title: evaluationTitles[key] ?? titleOf(key),
      curves,
      format: (value) => formatMetric(key, value),
    }));
  // A single evaluation is not a curve: it is shown in the results.
  const isOverTime = ({ curves }: CurvePlot) => curves.some(({ points }) => points.length > 1);
  drawn.result.push(...evaluated.filter(isOverTime).map(curvePlot));
  drawn.training.push(...fixedImagePlots(evaluations).filter(isOverTime).map(curvePlot));
  const { result, training, machine } = drawn;
  const shown = (figures: readonly string[]) => figures.filter((figure) => figure !== "");
  return { results: shown(result), training: shown(training), machine: shown(machine) };
}
