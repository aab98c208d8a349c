import assert from "node:assert/strict";
import {
  classifierTable,
  describeLength,
  segmentationTables,
} from "../../../cli/screen/final_table.ts";

Deno.test("describeLength() says how many steps took how long, and of a resumed run which", () => {
  const seconds = 130;
  assert.equal(
    describeLength("Trained", 1200, { from: 0, seconds }),
    "Trained for 1200 steps in 2m 10s",
  );
  assert.equal(
    describeLength("Trained", 1200, { from: 900, seconds }),
    "Trained for 1200 steps, the last 300 of them in 2m 10s",
  );
  assert.equal(describeLength("Trained", 1, { from: null, seconds }), "Trained for 1 step");
});

Deno.test("classifierTable() sets what guessing gives below the models", () => {
  const results = { classifier: { top1: 0.84, top5: 0.991 }, averaged: null };
  assert.deepEqual(classifierTable(results, 10), [
    "accuracy    top-1 accuracy  top-5 accuracy",
    "this model          84.0 %          99.1 %",
    "chance              10.0 %          50.0 %",
  ]);
  assert.deepEqual(classifierTable(results, 4), [
    "accuracy    top-1 accuracy",
    "this model          84.0 %",
    "chance              25.0 %",
  ]);
  assert.deepEqual(classifierTable({ classifier: null }, 10), []);
});

Deno.test("segmentationTables() compares with one class for every pixel", () => {
  const label = (label: number, name: string, pixels: number) => ({
    ...{ label, name, pixels, iou: 0.5, accuracy: 0.6 },
  });
  const labels = [label(0, "sky", 300), label(1, "tree", 100), label(2, "car", 0)];
  const quality = { mIoU: 0.5, aAcc: 0.7, mAcc: 0.6, labels, best: { step: 8, mIoU: 0.55 } };
  assert.deepEqual(segmentationTables(quality), [
    "class     IoU  accuracy",
    "sky    50.0 %    60.0 %",
    "tree   50.0 %    60.0 %",
    "car    50.0 %    60.0 %",
    "",
    "                         mIoU  pixel accuracy  mean class accuracy",
    "this model             50.0 %          70.0 %               60.0 %",
    "best, step 8           55.0 %               –                    –",
    "commonest class alone  37.5 %          75.0 %               50.0 %",
  ]);
  assert.deepEqual(
    segmentationTables({ mIoU: null, aAcc: null, mAcc: null, labels: [], best: null }),
    [],
  );
});
