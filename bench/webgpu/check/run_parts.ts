/** Runs the parts of a check, each in a process of its own: a crash of a driver ends only that part. @module */

import type { Part } from "./parts.ts";

/** What became of a part. */
export interface PartOutcome {
  readonly name: string;
  readonly status: "ok" | "failed" | "stopped" | "skipped";
  readonly seconds: number;
  /** How it ended and what it printed, if it is not ok; why it was skipped. */
  readonly message: string | null;
  /** What it kept, by the file's name; also of a part that failed later. */
  readonly results: Readonly<Record<string, unknown>>;
}

/** What running a part depends on. */
export interface RunOptions {
  /** The program and its arguments that run a part. */
  readonly commandOf: (part: Part) => readonly string[];
  /** Seconds for all parts together. */
  readonly seconds: number;
  /** Called after each part with all outcomes so far. */
  readonly onOutcome: (outcomes: readonly PartOutcome[]) => void;
}

/** Seconds below which a part is not started. */
const least = 10;
/** Characters of what it printed, and of its errors, that are kept. */
const keptOutput = 1500;

/** Runs the parts one after another until the time is up; the rest is skipped. */
export async function runParts(
  parts: readonly Part[],
  { commandOf, seconds, onOutcome }: RunOptions,
): Promise<PartOutcome[]> {
  const end = performance.now() + seconds * 1000;
  const outcomes: PartOutcome[] = [];
  for (const part of parts) {
    const left = (end - performance.now()) / 1000;
    outcomes.push(
      left < least
        ? {
          ...{ name: part.name, status: "skipped", seconds: 0, results: {} },
          message: `no time was left of ${seconds} s`,
        }
        : await runPart(part, commandOf(part), Math.min(part.limit, left)),
    );
    onOutcome(outcomes);
  }
  return outcomes;
}

async function runPart(
  { name }: Part,
  [program, ...args]: readonly string[],
  limit: number,
): Promise<PartOutcome> {
  const folder = await Deno.makeTempDir();
  const start = performance.now();
  try {
    const child = new Deno.Command(program, {
      args,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
      env: { MIMIC_BENCH_RESULTS: folder, NO_COLOR: "1" },
    }).spawn();
    let isStopped = false;
    const timer = setTimeout(() => {
      isStopped = true;
      child.kill("SIGKILL");
    }, limit * 1000);
    const [status, printed, errors] = await Promise.all([
      child.status,
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    clearTimeout(timer);
    const seconds = (performance.now() - start) / 1000;
    // An error's message comes first, the places where it happened come after it.
    const output = printed.slice(-keptOutput) + errors.slice(0, keptOutput);
    const end = isStopped
      ? `stopped after ${Math.round(limit)} s`
      : status.signal ?? `exit code ${status.code}`;
    return {
      name,
      status: isStopped ? "stopped" : status.success ? "ok" : "failed",
      seconds,
      message: status.success && !isStopped ? null : `${end}\n${output}`,
      results: readResults(folder),
    };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function readResults(folder: string): Record<string, unknown> {
  const files = [...Deno.readDirSync(folder)].filter(({ name }) => name.endsWith(".json"));
  return Object.fromEntries(files.map(({ name }) => {
    const kept = JSON.parse(Deno.readTextFileSync(`${folder}/${name}`));
    return [name.replace(/\.json$/, ""), kept.results];
  }));
}
