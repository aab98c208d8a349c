/** The table at the end of a segmentation run: classes, means, what they are compared with. @module */
import { metricName } from "../../core/metric_names.ts";
import { formatPercent } from "../../core/number_formats.ts";
import type { LabelQuality } from "../../pipeline/evaluation/segmentation.ts";
import { alignedRows } from "../../report/text_tables.ts";

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
