import assert from "node:assert/strict";
import { latestCheckpoint, loadCheckpoint } from "../../checkpoints/store/store.ts";
import { tinyOverrides, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { writeTinyData } from "../tasks/_tiny_model.ts";
import {
  jobCommand,
  mainPath,
  mpiTest,
  programPath,
  runJob,
  runWell,
} from "../distributed/_mpirun.ts";

/** Seconds in which a job must have ended after what ends it, on a slow machine. */
const mostSeconds = 30;

function words(keys: readonly string[], ...others: string[]): string[] {
  return ["pretrain", ...keys.flatMap((key) => ["--set", key]), ...others];
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).trimEnd().split("\n");
  } catch {
    return [];
  }
}

function lossesOf(directory: string): number[] {
  return linesOf(`${directory}/metrics.jsonl`).map((line) => JSON.parse(line).loss);
}

/** A file of the system about a process; empty where there is no such process. */
function readAbout(pid: number, file: string): string {
  // Deno itself reads them only with all permissions, which the tests do not have.
  const { stdout } = new Deno.Command("cat", { args: [`/proc/${pid}/${file}`] }).outputSync();
  return new TextDecoder().decode(stdout).trim();
}

/** Processes that a process has started, in order. */
function childrenOf(pid: number): number[] {
  const text = readAbout(pid, `task/${pid}/children`);
  return text === "" ? [] : text.split(" ").map(Number);
}

function isAlive(pid: number): boolean {
  const status = readAbout(pid, "status");
  // A zombie is not.
  return status !== "" && !/^State:\s*Z/m.test(status);
}

/** Starts a run on ranks, waits for some steps of it, and does something to it. */
async function disturb(
  ranks: number,
  args: readonly string[],
  { directory, steps, act }: {
    directory: string;
    steps: number;
    act: (launcher: Deno.ChildProcess, ranks: readonly number[]) => void;
  },
): Promise<{ code: number; stderr: string }> {
  const child = jobCommand(ranks, mainPath, args).spawn();
  const output = Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  while (linesOf(`${directory}/metrics.jsonl`).length < steps) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const pids = childrenOf(child.pid);
  assert.equal(pids.length, ranks);
  act(child, pids);
  const started = performance.now();
  const { code } = await child.status;
  while (pids.some(isAlive) && performance.now() - started < 1000 * mostSeconds) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - started) / 1000;
  assert.ok(seconds < mostSeconds, `ended after ${seconds} s`);
  const [, stderr] = await output;
  assert.deepEqual(pids.filter(isAlive), []);
  return { code, stderr };
}

mpiTest(
  "a killed rank ends the job; the run goes on with fewer ranks, to the same losses",
  () =>
    withFolder(async (folder) => {
      const keys = [
        ...tinyOverrides(await writeTinyTokenizer(folder)),
        "batchSize=6",
        "schedule.steps=30",
        "model.dropPathRate=0.1",
        "precision=float32",
      ];
      const directory = `${folder}/run`;
      const { code } = await disturb(3, words(keys, "--out", directory), {
        directory,
        steps: 12,
        act: (_, pids) => Deno.kill(pids[1], "SIGKILL"),
      });
      assert.notEqual(code, 0);
      const { checkpoint } = latestCheckpoint(directory);
      assert.ok(loadCheckpoint(checkpoint!.directory).step >= 10);

      await runWell(2, mainPath, ["pretrain", "--resume", directory]);
      await runWell(1, mainPath, words(keys, "--out", `${folder}/whole`, "--launcher", "none"));
      const [resumed, whole] = [lossesOf(directory), lossesOf(`${folder}/whole`)];
      assert.equal(resumed.length, 30);
      for (const [step, loss] of whole.entries()) {
        assert.ok(Math.abs(resumed[step] - loss) < 1e-6 * loss, `step ${step + 1}`);
      }
    }),
);

mpiTest(
  "SIGUSR1 to the launcher ends the step on all ranks, saves, and says once how to go on",
  () =>
    withFolder(async (folder) => {
      const tokenizer = await writeTinyTokenizer(folder);
      const keys = [...tinyOverrides(tokenizer), "schedule.steps=100000"];
      const directory = `${folder}/run`;
      const { stderr } = await disturb(2, words(keys, "--out", directory), {
        directory,
        steps: 7,
        act: (launcher) => launcher.kill("SIGUSR1"),
      });
      assert.equal(stderr.match(/Interrupted and saved after step/g)?.length, 1, stderr);
      const { checkpoint } = latestCheckpoint(directory);
      const { step } = loadCheckpoint(checkpoint!.directory);
      assert.equal(step, linesOf(`${directory}/metrics.jsonl`).length);
    }),
);

mpiTest("an error on one rank ends the job and is told once", () =>
  withFolder(async (folder) => {
    const data = writeTinyData(folder, { train: 12, val: 1 });
    // In the first step: some rank meets it, the others wait for that rank.
    Deno.writeTextFileSync(`${data}/train/dark/3.pgm`, "no picture");
    const keys = [
      ...tinyOverrides(await writeTinyTokenizer(folder)),
      `data.source=${data}`,
      "batchSize=24",
    ];
    const started = performance.now();
    const { code, stderr } = await runJob(3, mainPath, words(keys, "--out", `${folder}/run`));
    assert.ok((performance.now() - started) / 1000 < mostSeconds);
    assert.equal(code, 2, stderr);
    assert.equal(stderr.match(/error: .*3\.pgm/g)?.length, 1, stderr);
  }));

mpiTest("a mistake that all ranks make is told once", async () => {
  for (const mistake of [["--set", "nosuch=1"], ["--nosuch"]]) {
    const { code, stderr } = await runJob(3, mainPath, ["pretrain", ...mistake]);
    assert.equal(code, 2, stderr);
    assert.equal(stderr.match(/error:/g)?.length, 1, stderr);
  }
});

mpiTest("warnings of every rank reach rank 0, and its record", () =>
  withFolder(async (folder) => {
    const data = writeTinyData(folder, { train: 12, val: 1 });
    Deno.writeTextFileSync(`${data}/train/dark/3.pgm`, "no picture");
    Deno.writeTextFileSync(`${data}/train/bright/5.pgm`, "no picture");
    const keys = [
      ...tinyOverrides(await writeTinyTokenizer(folder)),
      `data.source=${data}`,
      "data.onError=skip",
      "batchSize=12",
      "schedule.steps=8",
    ];
    await runWell(3, mainPath, words(keys, "--out", `${folder}/run`));
    const events = linesOf(`${folder}/run/events.jsonl`).map((line) => JSON.parse(line));
    const files = new Set(
      events.filter(({ kind }) => kind === "unreadableImage").map(({ message }) =>
        /(\w+\/\d+\.pgm)/.exec(message)![1]
      ),
    );
    assert.deepEqual([...files].sort(), ["bright/5.pgm", "dark/3.pgm"]);
    assert.ok(events.some(({ message }) => /^Rank [12]: Skipped/.test(message ?? "")));
  }));

mpiTest(
  "ranks whose parameters come apart are told, and go on with those of rank 0",
  () =>
    withFolder(async (folder) => {
      const keys = [...tinyOverrides(await writeTinyTokenizer(folder)), "schedule.steps=15"];
      const { stdout } = await runWell(2, programPath("come_apart"), [JSON.stringify(keys)]);
      const warnings = JSON.parse(stdout) as string[];
      assert.equal(warnings.length, 1);
      assert.match(
        warnings[0],
        /^After step 10 the parameters of rank 1 differ from those of rank 0/,
      );
    }),
);

mpiTest("a rank that does not come is given up after a time", async () => {
  const started = performance.now();
  const { code, stderr } = await runJob(2, programPath("stuck"));
  assert.notEqual(code, 0);
  assert.match(stderr, /Waited 1 s for the other ranks in MPI_Ibarrier/);
  assert.ok((performance.now() - started) / 1000 < mostSeconds);
});
