/** The table of hints: runs, their images and their directories. */
import type { HintRow } from "./_row.ts";

const segment = "segment --data {shapes} {tinySegmentation} --image-size 16 --out {out}";

/** Mistakes in what is trained on, and where. */
export const dataRows: readonly HintRow[] = [
  {
    command: "finetune --data {few} {tinyBut} --max-steps 1 --batch 32 --out {out}",
    error:
      'Cannot fill a batch of 32 images from "…": it has 4 training images; give --batch 4 or ' +
      "less, or --set data.dropLast=false",
    follow: { add: "--batch …" },
  },
  {
    command: "finetune --data {few} {tinyBut} --max-steps 1 --batch 32 --out {out}",
    error:
      'Cannot fill a batch of 32 images from "…": it has 4 training images; give --batch 4 or ' +
      "less, or --set data.dropLast=false",
    follow: { add: "--set data.dropLast=false" },
  },
  {
    command:
      "finetune --data {broken} {tinyBut} --batch 6 --set data.onError=raise --max-steps 9 --out {out}",
    error: 'Cannot decode image "…": …; skip such files with --set data.onError=skip',
    follow: { add: "--set data.onError=skip" },
  },
  {
    command:
      "finetune --data {broken} {tinyBut} --batch 6 --set data.maxSkipped=0 --max-steps 9 --out {out}",
    error:
      "Cannot continue: more than data.maxSkipped=0 files failed, the last: …; allow more with " +
      "--set data.maxSkipped=100",
    follow: { add: "--set data.maxSkipped=…" },
  },
  {
    command: "segment --data {brokenShapes} {tinySegmentation} --image-size 16 --out {out}",
    error: 'Cannot decode image "…": …; skip such files with --set data.onError=skip',
    follow: { add: "--set data.onError=skip" },
  },
  {
    command: "finetune --data {one} {tiny} --out {out}",
    error:
      'Cannot read data "…": expected a folder, a tar or a zip archive, found a single image; ' +
      "give the folder that contains it: --data …",
    follow: { add: "--data …" },
    next: 'Cannot learn classes from "…": its images have no class labels; "…" is not in a class ' +
      "folder; put each class into its own folder",
  },
  {
    command: "finetune --data {nested} {tiny} --out {out}",
    error:
      'Cannot learn classes from "…": all its images are in one class folder, "photos"; give ' +
      "--data …",
    follow: { add: "--data …" },
  },
  {
    command: "finetune --data {three} {tiny} --set model.classes=2 --out {out}",
    error: "Cannot fine-tune: the images have 3 classes, and model.classes is 2; give --set " +
      "model.classes=auto",
    follow: { add: "--set model.classes=auto" },
  },
  {
    command: "segment --data {moreClasses} {tinySegmentation} --image-size 16 --out {out}",
    error: 'Cannot evaluate "…": its label map has class 6, and the model has … classes; start ' +
      "again with --set segmentation.classes=7 or more, and another --out",
    follow: [{ add: "--set segmentation.classes=…" }, { fill: "--out", value: "{out}-2" }],
  },
  {
    command: `${segment} --set segmentation.classes=2`,
    error:
      'Cannot segment "…": its label map has class …, and segmentation.classes is 2; give --set ' +
      "segmentation.classes=… or more, or auto",
    follow: { fill: "--set", value: "segmentation.classes=auto" },
  },
  {
    command: `${segment} --epochs 0.1`,
    error:
      "Cannot train for --epochs 0.1: expected at least one step of 4 images, and there are 4; " +
      "give at least --epochs 1",
    follow: { add: "--epochs …" },
  },
  {
    command: "segment --resume {stopped} --epochs 3",
    error: "Cannot use --epochs with --resume: a run keeps its schedule; omit --epochs",
    follow: { drop: "--epochs" },
    next: 'Cannot use recipe "…" here: expected one for task "segment", found "finetune"; run ' +
      "`deno task finetune`",
  },
];

/** Mistakes in how a run is measured. */
export const evaluationRows: readonly HintRow[] = [
  {
    command: "pretrain --data {data} {tinyPretraining} --set evaluation.knn.every=1 --set " +
      "evaluation.stop.metric=knnTop5 --out {out}",
    error: "Cannot stop by knnTop5: with 2 classes, top-5 accuracy is meaningless; give --set " +
      "evaluation.stop.metric=knnTop1",
    follow: { add: "--set evaluation.stop.metric=…" },
  },
];

/** Mistakes in where a run is kept. */
export const directoryRows: readonly HintRow[] = [
  {
    command: "finetune --data {data} {tiny} --set schedule.steps=1 --out {classifier}",
    error: 'Cannot start in "…": it contains a finished run (step 1); choose another --out',
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "finetune --data {data} {tiny} --lr 0.5 --out {stopped}",
    error:
      'Cannot continue in "…": its run was started with another config: optimizer.lr (…); choose ' +
      "another --out, or resume that run unchanged: deno task finetune --resume …",
    follow: { run: "deno task finetune --resume …", rest: "--max-steps 1 --quiet" },
  },
  {
    command: "finetune --data {data} {tiny} --lr 0.5 --out {stopped}",
    error:
      'Cannot continue in "…": its run was started with another config: optimizer.lr (…); choose ' +
      "another --out, or resume that run unchanged: deno task finetune --resume …",
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "finetune --data {changing} {tinyBut} --batch 6 --out {changed} --max-steps 2",
    error: 'Cannot resume "…": the images in "…" are not those it was trained on (…); restore ' +
      "them, or start a new run with another --out",
    follow: { fill: "--out", value: "{out}" },
  },
  {
    command: "finetune --data {data} {tiny} --out {damaged}",
    error:
      'Cannot continue in "…": none of its checkpoints can be read (…); restore one from a copy, ' +
      "or start again with another --out",
    follow: { fill: "--out", value: "{out}" },
  },
];
