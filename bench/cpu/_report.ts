/** What a benchmark prints and keeps. */

import { cpus } from "node:os";

/** The middle of the times, in seconds. */
export function median(seconds: readonly number[]): number {
  const sorted = [...seconds].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;
}

/** The machine, and how busy it was with other work when asked. */
export function machine(): Record<string, unknown> {
  const all = cpus();
  return {
    processor: all[0]?.model ?? "unknown",
    cores: all.length,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    loadAverage: Deno.loadavg()[0],
  };
}

/** Keeps the results in `bench/results/<name>.json`. */
export async function keep(name: string, results: unknown): Promise<void> {
  const folder = new URL("../results/", import.meta.url);
  await Deno.mkdir(folder, { recursive: true });
  const text = JSON.stringify({ machine: machine(), results }, null, 2) + "\n";
  await Deno.writeTextFile(new URL(`${name}.json`, folder), text);
}
