/**
 * Thousands of cases, in a supervised process: one that hangs, crashes or takes too much memory is a finding,
 * and a new process continues after it.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { TextLineStream } from "./lines.ts";
import { eachCase, type PartOptions, type PartResult, type SoakPart, Tally } from "./part.ts";

/** What is supervised. */
export interface Watched extends Pick<SoakPart, "name" | "title"> {
  /** Seconds that a case may take, on a busy machine. */
  readonly seconds: number;
  /** Resident memory that the process may take, bytes. */
  readonly limitBytes: number;
  /** Cases per process; the next one starts with clean memory. */
  readonly casesPerProcess: number;
}

const child = fileURLToPath(new URL("child.ts", import.meta.url));

/** A process's peak memory in bytes; 0 if the system does not report it. */
function peakOf(pid: number): number {
  try {
    const status = Deno.readTextFileSync(`/proc/${pid}/status`);
    return Number(/^VmHWM:\s*(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Runs the cases `first … last` of a part in one process; returns the next one to do. */
async function runSome(
  { name, seconds, limitBytes }: Watched,
  { seed, scratch, deadline }: PartOptions,
  [first, last]: readonly [number, number],
  tally: Tally,
): Promise<number> {
  const folder = `${scratch}/${first}`;
  Deno.mkdirSync(folder, { recursive: true });
  const running = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "-q", "--no-check", "--no-prompt", "--allow-read", `--allow-write=${folder}`],
      ...["--allow-env", "--allow-ffi", "--allow-sys", "--allow-net=127.0.0.1", child],
      ...[name, seed, first, last].map(String),
    ],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const complaints = new Response(running.stderr).text();
  let current = first;
  let about = "";
  let began = performance.now();
  let ended: string | null = null;
  const end = (reason: string) => {
    ended ??= reason;
    try {
      running.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
  };
  const watchdog = setInterval(() => {
    const bytes = peakOf(running.pid);
    tally.peakBytes = Math.max(tally.peakBytes, bytes);
    if (bytes > limitBytes) end("over memory");
    else if (performance.now() - began > 1000 * seconds) end("hung");
    else if (performance.now() > deadline) end("late");
  }, 50);
  const lines = running.stdout.pipeThrough(new TextDecoderStream())
    .pipeThrough(new TextLineStream());
  for await (const line of lines) {
    const [kind, index, ...words] = line.split("\t");
    began = performance.now();
    if (kind === "begin") {
      current = Number(index);
      about = "";
    }
    if (kind === "about") about = `${words.join(" ")}: `;
    if (kind === "end" || kind === "fault") {
      tally.cases++;
      current = Number(index) + 1;
    }
    if (kind === "end") tally.count(words[0]);
    if (kind === "fault") {
      tally.count("a fault");
      tally.find({
        case: `${name}:${index}`,
        what: "stack trace",
        detail: about + words.join(" "),
      });
    }
  }
  const { code, signal } = await running.status;
  clearInterval(watchdog);
  const said = (await complaints).trim().slice(-600);
  Deno.removeSync(folder, { recursive: true });
  if (ended === "late") return current;
  if (current > last && code === 0) return current;
  const what = ended ?? "died";
  tally.cases++;
  tally.count(what);
  const detail = about + (ended === null ? `${signal ?? `exit code ${code}`}: ${said}` : "killed");
  tally.find({ case: `${name}:${current}`, what, detail });
  return current + 1;
}

/** Runs a part's cases in supervised processes. */
export async function runWatched(watched: Watched, options: PartOptions): Promise<PartResult> {
  const tally = new Tally(options.seed);
  const { casesPerProcess: size } = watched;
  const { cases, only, deadline, progress } = options;
  const processes = only === null ? Math.ceil(cases / size) : 1;
  const told = { ...options, cases: processes, only: null, progress: () => progress(tally.cases) };
  await eachCase(told, async (index) => {
    let next = only ?? index * size;
    const last = only ?? Math.min(next + size, cases) - 1;
    while (next <= last && performance.now() < deadline) {
      next = await runSome(watched, options, [next, last], tally);
      progress(tally.cases);
    }
  });
  return tally.result(watched, watched.limitBytes);
}
