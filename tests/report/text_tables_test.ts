import assert from "node:assert/strict";
import { classifierTable, describeAccuracies } from "../../report/text_tables.ts";

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

Deno.test("describeAccuracies() makes a table", () => {
  const results = {
    features: { knnTop1: 0.712, linearTop1: 0.8 },
    pixels: { knnTop1: 0.794 },
  };
  assert.deepEqual(describeAccuracies(results), [
    "accuracy      k-NN  linear",
    "this model  71.2 %  80.0 %",
    "raw pixels  79.4 %       –",
  ]);
  assert.deepEqual(describeAccuracies({}), []);
});
