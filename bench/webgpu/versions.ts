/**
 * The quick start on a GPU by this version and by an earlier one, in turns: the ratio of their times, and whether
 * their metrics are the same.
 *
 *     deno run -A bench/webgpu/versions.ts --before COMMIT [--steps 60] [--rounds 5] [--set KEY=VALUE,KEY=VALUE]
 *
 * Each run is a process of its own, of the earlier version in a copy of that commit, with Deno's own WebGPU. Times
 * are medians of the steps without the first ten, which compile shaders.
 *
 * @module
 */

import { median } from "../../core/median.ts";
import { readOptions } from "../options.ts";
import { compare, keep } from "../report.ts";

/** What a run wrote about a step. */
interface Step {
  readonly step: number;
  readonly loss: number;
  readonly stepTime: number;
}

/** Steps that compile shaders and fill pools. */
const first = 10;

const { options } = readOptions({ before: "", steps: 60, rounds: 5, set: "" });
if (options.before === "") throw new Error("Say which commit to compare with: --before COMMIT");

async function run(folder: string, command: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, cwd: folder }).output();
  if (!success) {
    throw new Error(`${command} ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
  }
}

/** The quick start's steps by the version in `folder`. */
async function steps(folder: string): Promise<Step[]> {
  const out = await Deno.makeTempDir();
  const settings = options.set === "" ? [] : options.set.split(",");
  try {
    await run(folder, Deno.execPath(), ...[
      ...["run", "-q", "-A", "--no-check", "--lock=main.lock", "main.ts", "pretrain"],
      ...["--backend", "webgpu", "--max-steps", `${options.steps}`, "--out", `${out}/run`],
      ...["evaluation.knn.atEnd=false", "evaluation.linear.atEnd=false", ...settings]
        .flatMap((setting) => ["--set", setting]),
    ]);
    return Deno.readTextFileSync(`${out}/run/metrics.jsonl`).trim().split("\n")
      .map((line) => JSON.parse(line)).filter(({ loss }) => loss !== undefined);
  } finally {
    await Deno.remove(out, { recursive: true });
  }
}

const root = decodeURIComponent(new URL("../../", import.meta.url).pathname);
const earlier = await Deno.makeTempDir();
try {
  await run(root, "sh", "-c", `git archive ${options.before} | tar -x -C ${earlier}`);
  const runs: Record<"now" | "before", Step[][]> = { now: [], before: [] };
  for (let round = 0; round < options.rounds; round++) {
    runs.before.push(await steps(earlier));
    runs.now.push(await steps(root));
    console.log(`${round + 1} of ${options.rounds}`);
  }
  const seconds = (all: readonly Step[][]) =>
    all.map((steps) => median(steps.slice(first).map(({ stepTime }) => stepTime)));
  const differences = runs.now[0].map(({ loss }, index) =>
    Math.abs(loss / runs.before[0][index].loss - 1)
  );
  const result = {
    before: options.before,
    steps: options.steps,
    seconds: { now: seconds(runs.now), before: seconds(runs.before) },
    ...compare(seconds(runs.now), seconds(runs.before)),
    largestDifferenceOfLoss: Math.max(...differences),
    stepsWithTheSameLoss: differences.filter((difference) => difference === 0).length,
    lastLoss: { now: runs.now[0].at(-1)!.loss, before: runs.before[0].at(-1)!.loss },
  };
  console.log(JSON.stringify(result, null, 2));
  await keep("webgpu_versions_quickstart", result);
} finally {
  await Deno.remove(earlier, { recursive: true });
}
