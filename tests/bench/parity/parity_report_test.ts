import assert from "node:assert/strict";
import { listFixtures } from "../../../bench/parity/compare_fixtures.ts";
import { bundledFixtures, readFixtureTensors } from "../../../bench/parity/fixture_folder.ts";
import { parityLines, parityPage } from "../../../bench/parity/parity_report.ts";

const row = {
  file: "mim",
  quantity: "loss",
  maxAbs: 2.4e-7,
  maxRel: 1e-7,
  tolerance: "|Δ| ≤ 0.00001",
  ok: true,
};

Deno.test("lines are aligned and name what failed", () => {
  const lines = parityLines([row, { ...row, quantity: "gradients: a", maxAbs: NaN, ok: false }]);
  assert.deepEqual(lines, [
    "        file  quantity      max |Δ|  relative  tolerance",
    "ok      mim   loss          2.4e-7   1.0e-7    |Δ| ≤ 0.00001",
    "FAILED  mim   gradients: a  NaN      1.0e-7    |Δ| ≤ 0.00001",
  ]);
});

Deno.test("the page has a column for each backend, and dashes where there is no figure", () => {
  const page = parityPage([
    {
      backend: "reference",
      description: "plain",
      rows: [row, { ...row, file: "table", maxAbs: 0 }],
    },
    { backend: "cpu", description: "fast", rows: [{ ...row, ok: false }] },
  ], "deno task parity");
  const [first, second] = page.split("\n").filter((line) => /^\| (mim|table)/.test(line));
  assert.equal(first, "| mim | loss | \\|Δ\\| ≤ 0.00001 | 2.4e-7 | **2.4e-7** |");
  assert.equal(second, "| table | loss | \\|Δ\\| ≤ 0.00001 | 0 | – |");
});

Deno.test("the compact set is there, whole", async () => {
  const folder = bundledFixtures();
  assert.equal(listFixtures(folder).length, 6);
  const tensors = await readFixtureTensors(folder, "vqkd_b.safetensors");
  assert.deepEqual(tensors.get("out.ids")?.shape, [2, 16]);
});
