/**
 * Whether the right numbers come out of every emulated GPU, with what it has and without: all conformance cases
 * and golden numbers on Deno's WebGPU with subgroups and without, on Dawn with matrix units and without, and on
 * SwiftShader. Prints a table and keeps it.
 *
 *     deno run -A bench/webgpu/everywhere.ts [--only NAME,NAME] [--cases PART OF A NAME] [--fixtures FOLDER]
 *
 * What is missing is listed with the reason: `.ci/run` installs it all. Takes an hour on two cores; ends with
 * exit code 1 if any number is wrong or a configuration did not finish.
 *
 * @module
 */

import { isCached } from "../../backends/webgpu/dawn/library_cache_ffi.ts";
import { dawnPackage, fetchDawn } from "../../deps/dawn.ts";
import { readOptions } from "../options.ts";
import { leftAlignedRows } from "../../report/text_tables.ts";
import { keep } from "../report.ts";
import type { Part } from "./check/parts.ts";
import { type PartOutcome, runParts } from "./check/run_parts.ts";
import {
  commandOn,
  type EmulatedGpu,
  newLavapipe,
  swiftShader,
  systemLavapipe,
} from "./emulated_gpus.ts";

interface Configuration {
  readonly name: string;
  /** Arguments of `correctness.ts`. */
  readonly args: readonly string[];
  /** Where it runs; a text says why it cannot. */
  readonly gpu: EmulatedGpu | string;
}

/** Seconds that one configuration may take. */
const limit = 3600;

const { options } = readOptions({ only: "", cases: "", fixtures: "" });

function configurations(): Configuration[] {
  const lavapipe = systemLavapipe() ?? "there is no lavapipe: apt install mesa-vulkan-drivers";
  const units = isCached(dawnPackage)
    ? newLavapipe() ?? "there is no lavapipe with matrix units: .ci/fetch_lavapipe"
    : `Dawn is not in the cache: ${fetchDawn}`;
  const narrow = swiftShader() ?? "there is no SwiftShader: apt install chromium";
  return [
    { name: "deno", args: [], gpu: lavapipe },
    { name: "deno-without-subgroups", args: ["--without", "subgroups"], gpu: lavapipe },
    { name: "dawn", args: ["--webgpu", "dawn"], gpu: units },
    {
      ...{ name: "dawn-without-matrices", gpu: units },
      args: ["--webgpu", "dawn", "--without", "matrices"],
    },
    { name: "swiftshader", args: [], gpu: narrow },
  ];
}

function commandOf({ program, args }: Part, gpu: EmulatedGpu): string[] {
  const path = decodeURIComponent(new URL(`./${program}.ts`, import.meta.url).pathname);
  return commandOn(gpu, path, args);
}

/** What one line of the table shows. */
interface Found {
  readonly name: string;
  readonly status: PartOutcome["status"];
  readonly seconds: number;
  /** Why it is not ok. */
  readonly message: string | null;
  /** What `correctness.ts` kept. */
  readonly results: Readonly<Record<string, unknown>>;
}

async function check({ name, args, gpu }: Configuration): Promise<Found> {
  if (typeof gpu === "string") {
    return { name, status: "skipped", seconds: 0, message: gpu, results: {} };
  }
  const { cases, fixtures } = options;
  const part: Part = {
    ...{ name, program: "correctness", limit },
    args: [...args, "--cases", cases, "--fixtures", fixtures],
  };
  const [{ status, seconds, message, results }] = await runParts([part], {
    commandOf: (part) => commandOf(part, gpu),
    seconds: limit,
    onOutcome() {},
  });
  return { name, status, seconds, message, results: (Object.values(results)[0] ?? {}) as never };
}

/** The checks of one configuration as cells: how many passed, and how many did not. */
function cells({ name, status, seconds, results }: Found): string[] {
  const counts = ["conformance", "golden numbers, float32", "golden numbers, float16"].map(
    (what) => {
      const { passed, failed } = (results[what] ?? {}) as { passed?: number; failed?: string[] };
      if (passed === undefined) return "-";
      return failed!.length === 0 ? `${passed}` : `${passed}, ${failed!.length} wrong`;
    },
  );
  const subgroups = results.subgroupSize === null ? "none" : `${results.subgroupSize ?? "-"}`;
  const matrices = results.hasMatrixUnits === undefined ? "-" : `${results.hasMatrixUnits}`;
  return [name, status, ...counts, subgroups, matrices, `${seconds.toFixed(0)} s`];
}

const head = [
  "configuration",
  "",
  "conformance",
  "float32",
  "float16",
  "subgroups",
  "matrices",
  "",
];

const wanted = options.only === "" ? null : options.only.split(",");
const chosen = configurations().filter(({ name }) => wanted?.includes(name) ?? true);
const found: Found[] = [];
for (const configuration of chosen) {
  const one = await check(configuration);
  found.push(one);
  if (one.message !== null) console.log(`${one.name}: ${one.message.trimEnd()}`);
  // What is known so far, should it be stopped.
  await keep("webgpu_everywhere", found);
}
for (const line of leftAlignedRows([head, ...found.map(cells)])) console.log(line);
Deno.exit(found.every(({ status }) => status === "ok" || status === "skipped") ? 0 : 1);
