import assert from "node:assert/strict";
import { teacherOverrides } from "../../../cli/parsing/teacher_flag.ts";

const pairs = (value: string) =>
  teacherOverrides(value).map((given) =>
    typeof given === "string" ? [given] : [given.key, given.value]
  );

Deno.test("--teacher takes a name, an ONNX model or a run of mimic's own", () => {
  assert.deepEqual(pairs("hog"), [["teacher.name", "hog"]]);
  for (const place of ["model.onnx", "models/dinov2/", "https://example.org/model.onnx"]) {
    assert.deepEqual(pairs(place), [["teacher.name", "onnx"], ["teacher.checkpoint", place]]);
  }
  assert.deepEqual(pairs("mimic:runs/quickstart"), [
    ["teacher.name", "beit"],
    ["teacher.checkpoint", "runs/quickstart"],
  ]);
  assert.throws(
    () => teacherOverrides("dinov3"),
    /neither a known teacher nor a file; did you mean "dinov2"\?$/,
  );
});
