/**
 * Display names of a run's numbers, and how they are formatted. Logs keep the short keys
 * (`knnTop1`, `features`); everything that people look at takes its wording from here.
 *
 * @module
 */

import {
  formatCount,
  formatFigure,
  formatPercent,
  formatRate,
  formatSeconds,
} from "./number_formats.ts";

/** What kind of number it is, which determines its format. */
export type MetricUnit = "share" | "rate" | "seconds" | "count" | "steps" | "number";

/** Keys of steps and evaluations. */
const metrics: Readonly<Record<string, readonly [name: string, unit: MetricUnit]>> = {
  step: ["step", "count"],
  epoch: ["epoch", "number"],
  loss: ["loss", "number"],
  loss1: ["loss, encoder", "number"],
  loss2: ["loss, patch aggregation", "number"],
  headLoss: ["loss, decode head", "number"],
  auxiliaryLoss: ["loss, auxiliary head", "number"],
  reconstructionLoss: ["reconstruction loss", "number"],
  quantizationLoss: ["quantization loss", "number"],
  accuracy: ["accuracy", "share"],
  accuracy1: ["code accuracy, encoder", "share"],
  accuracy2: ["code accuracy, patch aggregation", "share"],
  learningRate: ["learning rate", "rate"],
  lossScale: ["loss scale", "number"],
  gradNorm: ["gradient norm", "number"],
  skipped: ["skipped steps", "share"],
  imagesPerSecond: ["images/s", "number"],
  dataTime: ["waiting for data", "seconds"],
  stepTime: ["time per step", "seconds"],
  teacherCosine: ["teacher cosine similarity", "number"],
  quantizationError: ["quantization error", "number"],
  codebookUsage: ["codebook usage", "share"],
  codebookPerplexity: ["codebook perplexity", "number"],
  deadCodes: ["dead codes", "count"],
  longestIdleSteps: ["longest idle code", "steps"],
  knnTop1: ["k-NN", "share"],
  knnTop5: ["k-NN top-5", "share"],
  linearTop1: ["linear", "share"],
  linearTop5: ["linear top-5", "share"],
  rankMe: ["RankMe", "number"],
  top1: ["top-1 accuracy", "share"],
  top5: ["top-5 accuracy", "share"],
  mIoU: ["mIoU", "share"],
  aAcc: ["pixel accuracy", "share"],
  mAcc: ["mean class accuracy", "share"],
  targetCodes: ["codes in the targets", "count"],
  predictedCodes: ["codes predicted", "count"],
  codesInUse: ["codes in use", "count"],
};

/** What is evaluated. */
const places: Readonly<Record<string, string>> = {
  features: "this model",
  classifier: "this model",
  segmentation: "this model",
  averaged: "averaged weights",
  checkpoint: "the checkpoint",
  untrained: "untrained network",
  pixels: "raw pixels",
  chance: "chance",
  "fixed images": "fixed images",
};

const tokens: Readonly<Record<string, string>> = {
  cls: "cls token",
  meanPatches: "mean of the patches",
  clsAndMean: "cls token and mean of the patches",
};

/** `myOwnLoss` as `my own loss`. */
export function inWords(key: string): string {
  return key.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(
    /[A-Z]/g,
    (letter) => letter.toLowerCase(),
  );
}

/** The name of what was evaluated; undefined for other words. */
function placeName(key: string): string | undefined {
  if (Object.hasOwn(places, key)) return places[key];
  const [, layer, token] = key.match(/^layer(\d+)\.(\w+)$/) ?? [];
  return layer === undefined ? undefined : `layer ${layer}, ${tokens[token] ?? inWords(token)}`;
}

/** Splits `evaluation/features/knnTop1` or `features/knnTop1` into place and measure. */
function partsOf(key: string): { place: string | null; measure: string } {
  const cut = key.lastIndexOf("/");
  return cut < 0
    ? { place: null, measure: key }
    : { place: key.slice(0, cut).replace(/^evaluation\//, ""), measure: key.slice(cut + 1) };
}

function knownName(key: string): string | undefined {
  if (Object.hasOwn(metrics, key)) return metrics[key][0];
  if (key.startsWith("stages.")) return `time in ${key.slice("stages.".length)}`;
  return placeName(key);
}

/** Whether a key has a display name beyond its own letters. */
export function hasMetricName(key: string): boolean {
  const { place, measure } = partsOf(key);
  return knownName(measure) !== undefined && (place === null || placeName(place) !== undefined);
}

/**
 * The key of a step (`teacherCosine`), an evaluation (`knnTop1`), what was evaluated (`untrained`), or both of
 * these (`untrained/knnTop1`), in words; a user's own key is split at its capitals.
 *
 * @example
 * ```ts
 * import { metricName } from "./metric_names.ts";
 * if (metricName("teacherCosine") !== "teacher cosine similarity") throw new Error();
 * if (metricName("features/knnTop1") !== "k-NN, this model") throw new Error();
 * if (metricName("myOwnLoss") !== "my own loss") throw new Error();
 * ```
 */
export function metricName(key: string): string {
  const { place, measure } = partsOf(key);
  const name = knownName(measure) ?? inWords(measure);
  return place === null ? name : `${name}, ${placeName(place) ?? inWords(place)}`;
}

/** What kind of number a key has. */
export function metricUnit(key: string): MetricUnit {
  const { measure } = partsOf(key);
  if (Object.hasOwn(metrics, measure)) return metrics[measure][1];
  if (measure.startsWith("stages.")) return "seconds";
  return /accuracy|top\d|usage/i.test(measure) ? "share" : "number";
}

const formats: Readonly<Record<MetricUnit, (value: number) => string>> = {
  share: formatPercent,
  rate: formatRate,
  seconds: formatSeconds,
  count: formatCount,
  steps: (value) => `${formatCount(value)} step${value === 1 ? "" : "s"}`,
  number: formatFigure,
};

/**
 * A number with its unit, to go with `metricName` of the same key.
 *
 * @example
 * ```ts
 * import { formatMetric } from "./metric_names.ts";
 * if (formatMetric("features/knnTop1", 0.5312) !== "53.1 %") throw new Error();
 * if (formatMetric("learningRate", 0.00001001) !== "1.0e-5") throw new Error();
 * ```
 */
export function formatMetric(key: string, value: number): string {
  return Number.isFinite(value) ? formats[metricUnit(key)](value) : String(value);
}

/** The number of classes from which top-5 accuracy says something that top-1 does not. */
const fewestForTopFive = 6;

/**
 * The numbers of an evaluation that are informative: with fewer than six classes, top-5 accuracies are left
 * out.
 */
export function tellingMetrics<Value>(
  result: Readonly<Record<string, Value>>,
  classes: number,
): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(result).filter(([key]) => classes >= fewestForTopFive || !/top5$/i.test(key)),
  );
}
