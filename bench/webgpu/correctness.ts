/**
 * Whether a GPU computes the right numbers: the conformance suite, with subgroups and without, and the golden
 * numbers of the reference code, in float32 and in mixed precision.
 *
 *     deno run -A bench/webgpu/correctness.ts [--webgpu deno] [--without subgroups|matrices] [--fixtures FOLDER]
 *                                             [--cases PART OF A NAME]
 *
 * `--without` switches a feature of the GPU off for everything. Ends with exit code 1 if any number is wrong.
 *
 * @module
 */

import { formatConformance, runConformance } from "../../backends/conformance.ts";
import { createWebgpuBackend, type WebgpuOptions } from "../../backends/webgpu/mod.ts";
import { compareFixtures } from "../parity/compare_fixtures.ts";
import { bundledFixtures, type FixtureFolder } from "../parity/fixture_folder.ts";
import { readOptions } from "../options.ts";
import { keep } from "../report.ts";
import { implementationOf } from "./implementation.ts";

const { options } = readOptions({ webgpu: "deno", without: "", fixtures: "", cases: "" });
if (!["", "subgroups", "matrices"].includes(options.without)) {
  throw new Error(`Choose --without subgroups or matrices: found "${options.without}"`);
}
const webgpu: WebgpuOptions = {
  ...implementationOf(options.webgpu),
  // On emulated GPUs too.
  matrices: true,
  ...(options.without === "" ? {} : { [options.without]: false }),
};

/** What a check found. */
export interface Outcome {
  readonly passed: number;
  readonly failed: readonly string[];
}

/** The kernels whose shaders differ without subgroups. */
const reducing =
  /^(layerNorm|residual|linearCrossEntropy|cosineLoss|l2Normalize|nearestCode|emaCodebookUpdate|adamW|assembleTokens|attention)/;

async function conformance(wanted: WebgpuOptions, ops = /^/): Promise<Outcome> {
  const backend = await createWebgpuBackend(wanted);
  const found = await runConformance(backend, {
    filter: ({ name, op }) => name.includes(options.cases) && ops.test(op),
  });
  await backend.dispose();
  const failures = found.filter(({ status }) => status === "failed");
  if (failures.length > 0) console.log(formatConformance(failures));
  return {
    passed: found.filter(({ status }) => status === "passed").length,
    failed: failures.map(({ name, message }) => `${name}: ${message}`),
  };
}

async function fixtures(precision: "float32" | "float16"): Promise<Outcome> {
  const backend = await createWebgpuBackend(webgpu);
  results.adapter = backend.adapter.description;
  results.subgroupSize = backend.subgroupSize;
  results.hasMatrixUnits = Object.values(backend.units).every(({ forward, backward }) =>
    forward !== null && backward !== null
  );
  results.notes = backend.notes.join("; ");
  const rows = await compareFixtures(await folder(), backend, { precision });
  await backend.dispose();
  return {
    passed: rows.filter(({ ok }) => ok).length,
    failed: rows.filter(({ ok }) => !ok).map(({ file, quantity, maxAbs, tolerance }) =>
      `${file}, ${quantity}: ${maxAbs} (${tolerance})`
    ),
  };
}

async function folder(): Promise<FixtureFolder> {
  if (options.fixtures === "") return bundledFixtures();
  const files = await Array.fromAsync(Deno.readDir(options.fixtures));
  return {
    files: files.filter(({ isFile }) => isFile).map(({ name }) => name),
    read: (file) => Deno.readFile(`${options.fixtures}/${file}`),
  };
}

const results: Record<string, unknown> = {};
const checks: Record<string, () => Promise<Outcome>> = {
  "golden numbers, float32": () => fixtures("float32"),
  "golden numbers, float16": () => fixtures("float16"),
  "conformance": () => conformance(webgpu),
  // Where everything is tried without a feature, this has been tried too.
  ...(options.without === "" && {
    "conformance without subgroups": () => conformance({ ...webgpu, subgroups: false }, reducing),
  }),
};
let failures = 0;
for (const [name, check] of Object.entries(checks)) {
  const outcome = await check();
  results[name] = outcome;
  failures += outcome.failed.length;
  console.log(`${name}: ${outcome.passed} passed, ${outcome.failed.length} failed`);
  for (const failure of outcome.failed) console.log(`  ${failure}`);
  // What is known so far, should the next one crash.
  await keep(`webgpu_correctness_${options.webgpu}`, results);
}
Deno.exit(failures > 0 ? 1 : 0);
