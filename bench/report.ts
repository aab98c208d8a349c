/** What a benchmark prints and keeps. */

import { cpus } from "node:os";
import { pathToFileURL } from "node:url";
import { median } from "../core/median.ts";
import { folderName, thisProcessor } from "./processor.ts";

/** Waits until threads of the side that ran before have stopped to wait actively for more. */
export function calm(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}

/** Seconds that `work` takes. */
export function timed(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

/** Steps that make about a second: short ones are measured in a row, as they run in training. */
export function stepsOfRound(secondsOfStep: number): number {
  return Math.max(1, Math.round(1 / secondsOfStep));
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** What to make of times of two sides: the ratio of the medians, and of the fastest. */
export function compare(ours: readonly number[], theirs: readonly number[]) {
  return {
    ratio: median(theirs) / median(ours),
    ratioOfFastest: Math.min(...theirs) / Math.min(...ours),
  };
}

/** The machine, and how busy it was with other work when asked. */
export function machine(): Record<string, unknown> {
  return {
    processor: thisProcessor(),
    cores: cpus().length,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    loadAverage: Deno.loadavg()[0],
  };
}

/** The command that this process was started with, but for where Python is. */
function command(): string {
  const { pathname } = new URL(Deno.mainModule);
  const program = pathname.split("/bench/")[1] ?? pathname.split("/").at(-1);
  const args = Deno.args.join(" ").replace(/ ?--python[ =]\S+/, "");
  return `deno run -A bench/${program} ${args}`.trim();
}

/**
 * The device that computed, after which the folder is named: the GPU that the results name as their adapter,
 * if it is one, otherwise the processor.
 */
function deviceOf(results: unknown): string {
  const { adapter } = results as { adapter?: string };
  const isGpu = adapter !== undefined && !/llvmpipe|swiftshader/i.test(adapter);
  return isGpu ? adapter : thisProcessor();
}

/**
 * Keeps the results in `bench/results/<device>/<name>.json`, with the command that made them; in the folder that
 * the variable MIMIC_BENCH_RESULTS names if there is one: a device check collects them there.
 */
export async function keep(name: string, results: unknown): Promise<void> {
  const own = Deno.env.get("MIMIC_BENCH_RESULTS");
  const folder = own === undefined
    ? new URL(`results/${folderName(deviceOf(results))}/`, import.meta.url)
    : pathToFileURL(`${own}/`);
  await Deno.mkdir(folder, { recursive: true });
  const kept = { command: command(), machine: machine(), results };
  // A list of numbers is one line.
  const text = JSON.stringify(kept, null, 2)
    .replace(/\[[\s\d.,eE+-]*\]/g, (list) => list.replace(/\s+/g, " "));
  await Deno.writeTextFile(new URL(`${name}.json`, folder), text + "\n");
}
