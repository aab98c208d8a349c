/**
 * A run's evaluations in the order that matters to a reader: the trained model, then what it is compared with.
 *
 * @module
 */

import { metricName, metricUnit } from "../core/metric_names.ts";
import { fixedImages } from "./picture_sheet.ts";
import type { EvaluationRecord } from "./run_plots.ts";

/** One bar of a comparison. */
export interface ResultRow {
  readonly name: string;
  /** A share in [0, 1], except for RankMe. */
  readonly value: number;
  readonly role: "model" | "baseline" | "chance";
}

/** A metric with everything that it was measured on. */
export interface ResultGroup {
  /** Key of the metric: `knnTop1`, `mIoU`, … */
  readonly key: string;
  readonly title: string;
  /** Step of the latest evaluation in it. */
  readonly step: number;
  readonly rows: readonly ResultRow[];
}

/** Metrics by their value to a reader; others follow in the log's order. */
const titles: Readonly<Record<string, string>> = {
  knnTop1: "k-NN accuracy",
  linearTop1: "Linear accuracy",
  top1: "Top-1 accuracy",
  mIoU: "Mean intersection over union (mIoU)",
  top5: "Top-5 accuracy",
  knnTop5: "k-NN top-5 accuracy",
  linearTop5: "Linear top-5 accuracy",
  mAcc: "Mean class accuracy",
  aAcc: "Pixel accuracy",
  rankMe: "Effective rank of the features (RankMe)",
};

const baselines = new Set(["checkpoint", "untrained", "pixels"]);

/** Number of a probe's classifiers shown individually; beyond that, the best of each block. */
const mostShown = 12;

/** Whether an evaluation is of the model, rather than of the pictures in a report. */
function isResult({ name }: EvaluationRecord): boolean {
  return name !== fixedImages;
}

/** The latest value for each subject, in the order of first measurement. */
function newestOf(
  evaluations: readonly EvaluationRecord[],
  key: string,
): Map<string, { step: number; value: number }> {
  const newest = new Map<string, { step: number; value: number }>();
  for (const { step, name, result } of evaluations) {
    const value = result[key];
    if (Number.isFinite(value)) newest.set(name, { step, value });
  }
  return newest;
}

/** A probe's many classifiers: the best first, then the best of each block. */
function probeRows(newest: ReadonlyMap<string, { value: number }>): ResultRow[] {
  const all = [...newest].map(([place, { value }]) => ({ place, value }));
  const best = all.reduce((best, one) => one.value > best.value ? one : best);
  const byBlock = new Map<string, { place: string; value: number }>();
  for (const one of all) {
    const block = all.length > mostShown ? one.place.split(".")[0] : one.place;
    const known = byBlock.get(block);
    if (known === undefined || one.value > known.value) byBlock.set(block, one);
  }
  const row = ({ place, value }: { place: string; value: number }, role: ResultRow["role"]) => ({
    name: metricName(place),
    value,
    role,
  });
  return [
    row(best, "model"),
    ...[...byBlock.values()].filter((one) => one !== best).map((one) => row(one, "baseline")),
  ];
}

/** A subject's best value so far, if it is not the latest. */
function bestRow(
  evaluations: readonly EvaluationRecord[],
  key: string,
  place: string,
  newest: number,
): ResultRow[] {
  let best: EvaluationRecord | null = null;
  for (const one of evaluations) {
    if (one.name !== place || !Number.isFinite(one.result[key])) continue;
    if (best === null || one.result[key] > best.result[key]) best = one;
  }
  if (best === null || best.result[key] <= newest) return [];
  return [{ name: `best, step ${best.step}`, value: best.result[key], role: "baseline" }];
}

function groupOf(
  evaluations: readonly EvaluationRecord[],
  key: string,
  classes: number,
): ResultGroup | null {
  const newest = newestOf(evaluations, key);
  if (newest.size === 0) return null;
  const places = [...newest.keys()];
  const step = Math.max(...[...newest.values()].map(({ step }) => step));
  const isProbe = places.every((place) => /^layer\d+\./.test(place));
  const own = places.filter((place) => !baselines.has(place));
  const rows = isProbe ? probeRows(newest) : [
    ...own.map((place, index): ResultRow => ({
      name: metricName(place),
      value: newest.get(place)!.value,
      role: index === 0 ? "model" : "baseline",
    })),
    ...own.flatMap((place) => bestRow(evaluations, key, place, newest.get(place)!.value)),
    ...places.filter((place) => baselines.has(place)).map((place): ResultRow => ({
      name: metricName(place),
      value: newest.get(place)!.value,
      role: "baseline",
    })),
  ];
  const guesses = /top1$/i.test(key) ? 1 : /top5$/i.test(key) ? 5 : 0;
  const chance: ResultRow[] = guesses > 0 && classes > guesses
    ? [{ name: metricName("chance"), value: guesses / classes, role: "chance" }]
    : [];
  return { key, title: titles[key] ?? metricName(key), step, rows: [...rows, ...chance] };
}

/**
 * A run's latest results, one group per metric: the model's own first, then the baselines, then chance.
 *
 * @param classes number of classes in the data; 0 without labels
 *
 * @example
 * ```ts
 * import { runResults } from "./results.ts";
 * const [group] = runResults([
 *   { step: 9, name: "untrained", result: { knnTop1: 0.4 } },
 *   { step: 9, name: "features", result: { knnTop1: 0.6 } },
 * ], 10);
 * const names = group.rows.map(({ name }) => name);
 * if (names.join() !== "this model,untrained network,chance") throw new Error(names.join());
 * ```
 */
export function runResults(
  evaluations: readonly EvaluationRecord[],
  classes: number,
): ResultGroup[] {
  const results = evaluations.filter(isResult);
  const measured = new Set(results.flatMap(({ result }) => Object.keys(result)));
  const ordered = [...Object.keys(titles), ...measured].filter((key, index, all) =>
    measured.has(key) && all.indexOf(key) === index &&
    (metricUnit(key) === "share" || Object.hasOwn(titles, key))
  );
  return ordered.flatMap((key) => groupOf(results, key, classes) ?? []);
}

/** The single number by which a run is compared with others; null if there is none. */
export function headlineOf(
  evaluations: readonly EvaluationRecord[],
): { readonly key: string; readonly value: number } | null {
  const [group] = runResults(evaluations, 0);
  return group === undefined ? null : { key: group.key, value: group.rows[0].value };
}
