import assert from "node:assert/strict";
import { describeLength } from "../../../cli/screen/run_length.ts";

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
