import assert from "node:assert/strict";
import { segmentationTables } from "../../../methods/segment/result_table.ts";

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
