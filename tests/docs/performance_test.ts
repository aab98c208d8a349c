/** The measurements in `docs/performance.md` are those of the files in `bench/results/`. */

import assert from "node:assert/strict";
import { withoutLayout } from "../../tools/docs/markdown.ts";
import { readMeasurements, withMeasurements } from "../../tools/docs/measurements.ts";
import { folderName } from "../../bench/processor.ts";

const root = new URL("../../", import.meta.url);
const page = Deno.readTextFileSync(new URL("docs/performance.md", root));
const measurements = readMeasurements(new URL("bench/results/", root));

Deno.test("docs/performance.md has the figures of bench/results (deno task docs writes them)", () => {
  assert.equal(withoutLayout(withMeasurements(page, measurements)), withoutLayout(page));
});

Deno.test("another figure in a file is another figure in the page", () => {
  const changed = structuredClone(measurements) as typeof measurements;
  changed.find(({ path }) => path.includes("cpu_step_vit_s"))!.results.ratio = 9.87;
  changed.find(({ path }) => path.includes("cpu_products"))!.results[0].gigaflops.native = 4321;
  const written = withMeasurements(page, changed);
  for (const figure of ["9.87", "4321"]) {
    assert.ok(written.includes(figure) && !page.includes(figure), figure);
  }
});

Deno.test("each file lies in the folder of the processor or the GPU that it names", () => {
  assert.ok(measurements.length > 0);
  for (const { path, machine, results } of measurements) {
    const devices = [machine.processor, results.adapter ?? ""].map(folderName);
    assert.ok(devices.includes(path.split("/")[0]), `${path}: ${devices.join(" or ")}`);
  }
});

Deno.test("every section of measurements names its processor", () => {
  for (const [, part] of page.matchAll(/<!-- measured: \w+ -->([\s\S]*?)<!-- \/measured -->/g)) {
    const processors = new Set(measurements.map(({ machine }) => machine.processor));
    const [first] = part.trim().split("\n");
    assert.ok([...processors].some((name) => first.startsWith(`### ${name}, `)), first);
  }
});
