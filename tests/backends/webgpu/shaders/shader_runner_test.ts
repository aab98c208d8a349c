import assert from "node:assert/strict";
import { formatConformance, runConformance } from "../../../../backends/conformance.ts";
import { webgpuTest } from "../_backend.ts";

webgpuTest("float16 packed in pairs conforms where the device has no float16", async (backend) => {
  const results = await runConformance(backend, {
    filter: ({ precision }) => precision === "float16",
  });
  const failures = results.filter(({ status }) => status !== "passed");
  assert.equal(failures.length, 0, `\n${formatConformance(failures)}`);
  assert.ok(results.length > 20);
}, { float16: false });
