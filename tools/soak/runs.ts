/**
 * Runs that are interrupted at random moments and resumed until they are done.
 *
 * @module
 */

import { fileURLToPath } from "node:url";
import { Generator } from "../../core/generator.ts";
import { eachCase, type PartOptions, type PartResult, type SoakPart, Tally } from "./part.ts";
import { compareRuns, readRun, type RunRecord } from "./run_record.ts";
import { settings, tinyTrainings, type TrainingCommand, trainingCommands } from "./trainings.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));
/** Runs, data and files of an earlier version; see tools/make_compat_fixtures.ts. */
export const fixture = fileURLToPath(new URL("../../tests/fixtures/compat/0.1.0", import.meta.url));

/** Seconds in which a run that was struck, or left alone, must have ended. */
const mostSeconds = 180;

/** How a part strikes. */
export interface Striking extends Pick<SoakPart, "name" | "title"> {
  /** A process that runs mimic with these words, not yet started. */
  command(words: readonly string[]): Deno.Command;
  /** Interrupts a process; returns how, or null if it had already ended. */
  strike(pid: number, generator: Generator): string | null;
  /** Whether a struck run may save where another would not. */
  readonly savesMore: boolean;
  /** Exit codes that a struck process may have. */
  readonly codes: readonly number[];
  /** Trainings that are struck; all of them by default. */
  readonly trainings?: readonly TrainingCommand[];
}

/** The words that have Deno run mimic, under its own permissions. */
export function denoWords(permissions: readonly string[], words: readonly string[]): string[] {
  return ["run", "-q", "--no-check", "--no-prompt", ...permissions, main, ...words];
}

/** One process of mimic. */
export function single(words: readonly string[], cwd?: string): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    // Kernels in WebAssembly, whose bits are those of the fixtures on every processor.
    args: denoWords(["--allow-all", "--deny-ffi"], words),
    ...(cwd === undefined ? {} : { cwd }),
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** What is known of a training that nobody strikes. */
interface Baseline {
  readonly words: readonly string[];
  readonly record: RunRecord;
  /** Milliseconds until its first step is written, and from its last to its end. */
  readonly startMs: number;
  readonly endMs: number;
}

/** A process, how it ended and what it printed. */
export class Running {
  readonly child: Deno.ChildProcess;
  readonly ended: Promise<{ code: number; said: string }>;
  isOver = false;

  constructor(command: Deno.Command) {
    this.child = command.spawn();
    const said = Promise.all([
      new Response(this.child.stdout).text(),
      new Response(this.child.stderr).text(),
    ]);
    this.ended = this.child.status.then(async ({ code }) => {
      this.isOver = true;
      return { code, said: (await said).join("") };
    });
  }

  /** The end, or null after too long, killed. */
  async end(): Promise<{ code: number; said: string } | null> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), 1000 * mostSeconds);
    });
    const ended = await Promise.race([this.ended, late]);
    clearTimeout(timer);
    if (ended === null) send(this.child.pid, "SIGKILL");
    return ended;
  }
}

/** Sends a signal; whether there was a process to take it. */
export function send(pid: number, signal: Deno.Signal): boolean {
  try {
    Deno.kill(pid, signal);
    return true;
  } catch {
    return false;
  }
}

/** Copies a folder with all below it. */
export function copyFolder(from: string, to: string): void {
  Deno.mkdirSync(to, { recursive: true });
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (isDirectory) copyFolder(`${from}/${name}`, `${to}/${name}`);
    else Deno.copyFileSync(`${from}/${name}`, `${to}/${name}`);
  }
}

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function stepsIn(directory: string): number {
  try {
    return Deno.readTextFileSync(`${directory}/metrics.jsonl`).split("\n").length - 1;
  } catch {
    return 0;
  }
}

function entriesOf(folder: string): string[] {
  try {
    return Array.from(Deno.readDirSync(folder), ({ name }) => name);
  } catch {
    return [];
  }
}

/** Waits for something to be so in a running process's directory. */
async function until(running: Running, isSo: () => boolean): Promise<void> {
  while (!running.isOver && !isSo()) await wait(2);
}

/** The instants that are struck at, each by a way to wait for one. */
const instants: Readonly<
  Record<
    string,
    (at: {
      running: Running;
      directory: string;
      generator: Generator;
      baseline: Baseline;
    }) => Promise<void>
  >
> = {
  async "its start"({ generator, baseline }) {
    await wait(generator.uniform(0, baseline.startMs));
  },
  async "a step"({ running, directory, generator, baseline }) {
    const step = generator.integer(1, baseline.record.losses.length);
    await until(running, () => stepsIn(directory) >= step);
    await wait(generator.uniform(0, 30));
  },
  async "a save"({ running, directory, generator }) {
    const before = generator.integer(0, 4);
    let seen = 0;
    let last = "";
    await until(running, () => {
      const aside = entriesOf(`${directory}/checkpoints`).find((name) => name.endsWith(".tmp"));
      if (aside !== undefined && aside !== last) seen++;
      last = aside ?? "";
      return seen > before || stepsIn(directory) === 16;
    });
    await wait(generator.uniform(0, 12));
  },
  async "its end"({ running, directory, generator, baseline }) {
    await until(running, () => stepsIn(directory) >= baseline.record.losses.length);
    await wait(generator.uniform(0, baseline.endMs));
  },
};

async function measureBaseline(
  striking: Striking,
  words: readonly string[],
  directory: string,
): Promise<Baseline> {
  const started = performance.now();
  const running = new Running(striking.command([...words, "--out", directory]));
  await until(running, () => stepsIn(directory) > 0);
  const first = performance.now();
  await until(running, () => stepsIn(directory) >= 16);
  const last = performance.now();
  const ended = await running.end();
  if (ended?.code !== 0) throw new Error(`${words[0]} alone failed: ${ended?.said ?? "hung"}`);
  return {
    words,
    record: readRun(directory),
    startMs: first - started,
    endMs: performance.now() - last,
  };
}

/** Whether a run's result exists: nothing is missing then. */
function isDone(directory: string): boolean {
  return entriesOf(directory).includes("result.json");
}

/** Strikes runs of all trainings as a part says. */
export async function strikeRuns(striking: Striking, options: PartOptions): Promise<PartResult> {
  const { trainings = trainingCommands } = striking;
  const tally = new Tally(options.seed);
  const all = tinyTrainings({
    data: `${fixture}/data`,
    tokenizer: `${fixture}/runs/tokenizer`,
    pretrained: `${fixture}/runs/pretrain`,
  });
  const baselines = new Map<TrainingCommand, Baseline>();
  for (const training of trainings) {
    const overrides = [...all[training], "checkpoint.everySteps=3", "checkpoint.keepLast=2"];
    const words = [training, ...settings(overrides)];
    const directory = `${options.scratch}/${training}`;
    baselines.set(training, await measureBaseline(striking, words, directory));
  }
  const root = Generator.from(options.seed).split(striking.name);
  await eachCase(options, async (index) => {
    const generator = root.split(index);
    const training = trainings[index % trainings.length];
    const baseline = baselines.get(training)!;
    const directory = `${options.scratch}/${index}`;
    await strikeOne(striking, { index, training, baseline, directory, generator, tally });
    if (options.only === null) Deno.removeSync(directory, { recursive: true });
  }, () => tally.cases);
  return tally.result(striking);
}

/** One run, struck up to six times, and left to end. */
async function strikeOne(
  striking: Striking,
  { index, training, baseline, directory, generator, tally }: {
    readonly index: number;
    readonly training: TrainingCommand;
    readonly baseline: Baseline;
    readonly directory: string;
    readonly generator: Generator;
    readonly tally: Tally;
  },
): Promise<void> {
  const story: string[] = [];
  const find = (what: string, detail: string) => {
    const struck = story.join(", ");
    tally.find({
      case: `${striking.name}:${index}`,
      what,
      detail: `${training}, struck ${struck}: ${detail}`,
    });
  };
  const strikes = generator.integer(1, 6);
  for (let strike = 0; strike <= strikes; strike++) {
    const canResume = entriesOf(`${directory}/checkpoints`).some((name) => /^step-/.test(name));
    const words = canResume && generator.next() < 0.5
      ? [training, "--resume", directory]
      : [...baseline.words, "--out", directory];
    const running = new Running(striking.command(words));
    if (strike < strikes) {
      const names = Object.keys(instants);
      const name = names[generator.integer(0, names.length - 1)];
      await instants[name]({ running, directory, generator, baseline });
      if (!running.isOver) {
        const how = striking.strike(running.child.pid, generator);
        if (how !== null) {
          tally.cases++;
          tally.count(`${how} in ${name}`);
          story.push(`by ${how} in ${name} (${stepsIn(directory)} steps)`);
        }
      }
    }
    const ended = await running.end();
    if (ended === null) return find("hung", `no end after ${mostSeconds} s`);
    if (/bug in mimic|^\s+at .*:\d+:\d+/m.test(ended.said)) {
      return find("stack trace", ended.said.slice(-600));
    }
    const isStruck = strike < strikes;
    if (ended.code !== 0 && !(isStruck && striking.codes.includes(ended.code))) {
      return find("refused", `exit code ${ended.code}: ${ended.said.slice(-600)}`);
    }
    if (ended.code === 0 || isDone(directory)) break;
  }
  try {
    const problems = compareRuns(readRun(directory), baseline.record, striking.savesMore);
    for (const problem of problems) find("not as unstruck", problem);
  } catch (error) {
    find("not whole", String(error));
  }
}
