import assert from "node:assert/strict";
import { describeNames, groupNames } from "../../../cli/screen/tensor_lists.ts";

Deno.test("names that differ in a number take one line", () => {
  const names = ["blocks.0.norm.weight", "head.2.bias", "blocks.1.norm.weight"];
  assert.deepEqual(groupNames(names), ["blocks.*.norm.weight ×2", "head.2.bias"]);
  assert.deepEqual(describeNames("missing", ["a"]), ["missing (1):", "  a"]);
  assert.deepEqual(describeNames("missing", []), []);
});
