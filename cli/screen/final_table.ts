/** The table at the end of a run: the model, what it is compared with, its length and time. */
import { metricName, tellingMetrics } from "../../core/metric_names.ts";
import { formatPercent } from "../../core/number_formats.ts";
import type { LabelQuality } from "../../pipeline/evaluation/segmentation.ts";
import { alignedRows, describeAccuracies } from "./plan.ts";
import { formatDuration } from "./progress.ts";

/** How long a run was. */
export interface RunLength {
  /** The step after which this process started: 0 for a new run; null if there was nothing left to do. */
  readonly from: number | null;
  /** Seconds that this process took. */
  readonly seconds: number;
}

/** `Trained for 1200 steps in 2m 10s`; for a resumed run, which of them took that long. */
export function describeLength(work: string, step: number, { from, seconds }: RunLength): string {
  const steps = `${work} for ${step} ${step === 1 ? "step" : "steps"}`;
  if (from === null) return steps;
  const part = from > 0 ? `, the last ${step - from} of them` : "";
  return `${steps}${part} in ${formatDuration(seconds)}`;
}

/** Shares of correct answers in [0, 1]. */
export interface Accuracy {
  readonly top1: number;
  readonly top5: number;
}

/** Accuracies by what was evaluated, along with chance; nothing if nothing was evaluated. */
export function classifierTable(
  results: Readonly<Record<string, Accuracy | null>>,
  classes: number,
): string[] {
  const found = Object.entries(results).filter((entry): entry is [string, Accuracy] =>
    entry[1] !== null
  );
  if (found.length === 0) return [];
  const chance = { top1: 1 / classes, top5: Math.min(1, 5 / classes) };
  return describeAccuracies(Object.fromEntries(
    [...found, ["chance", chance] as const].map(([name, { top1, top5 }]) => [
      name,
      tellingMetrics({ top1, top5 }, classes),
    ]),
  ));
}

/** A share in percent, or a dash. */
function share(value: number | null): string {
  return value === null ? "–" : formatPercent(value);
}

/** The metrics of a segmentation. */
interface Segmentation {
  readonly mIoU: number | null;
  readonly aAcc: number | null;
  readonly mAcc: number | null;
  readonly labels: readonly (LabelQuality & { readonly name: string })[];
  readonly best: { readonly step: number; readonly mIoU: number } | null;
}

/** The metrics of labelling every pixel with the commonest class. */
function commonestClass(labels: readonly LabelQuality[]): string[] {
  const present = labels.filter(({ pixels }) => pixels > 0);
  const all = present.reduce((sum, { pixels }) => sum + pixels, 0);
  const largest = Math.max(0, ...present.map(({ pixels }) => pixels)) / all;
  return [largest / present.length, largest, 1 / present.length].map(share);
}

/** Class by class, then the means, compared with giving the same answer for every pixel. */
export function segmentationTables({ mIoU, aAcc, mAcc, labels, best }: Segmentation): string[] {
  return [
    ...alignedRows(
      labels.length === 0 ? [] : [
        ["class", "IoU", "accuracy"],
        ...labels.map(({ name, iou, accuracy }) => [name, share(iou), share(accuracy)]),
      ],
    ),
    ...(labels.length === 0 || mIoU === null ? [] : [""]),
    ...alignedRows(
      mIoU === null && best === null ? [] : [
        ["", ...["mIoU", "aAcc", "mAcc"].map(metricName)],
        ...(mIoU === null ? [] : [["this model", share(mIoU), share(aAcc), share(mAcc)]]),
        ...(best === null ? [] : [[`best, step ${best.step}`, share(best.mIoU), "–", "–"]]),
        ...(labels.length === 0 ? [] : [["commonest class alone", ...commonestClass(labels)]]),
      ],
    ),
  ];
}
