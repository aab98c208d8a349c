import assert from "node:assert/strict";
import { Job } from "../../../cli/running/job.ts";
import { UserError } from "../../../core/errors.ts";
import type { StepMetrics } from "../../../pipeline/engine/events.ts";
import type { PretrainConfig } from "../../../methods/beit/config.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import type { CommandContext } from "../../../cli/parsing/command.ts";
import { saveCheckpoint } from "../../../checkpoints/store/store.ts";
import { planWarnings } from "../../../cli/running/dry_run.ts";
import type { RunFlagValues } from "../../../cli/running/run_flags.ts";
import { defaultDirectory, runTask } from "../../../cli/running/run_task.ts";
import type { TaskOptions, TaskOutcome } from "../../../cli/running/task_runner.ts";

const flags: RunFlagValues = {
  config: [],
  set: [],
  out: undefined,
  name: undefined,
  resume: undefined,
  dryRun: false,
  offline: false,
  hook: [],
  log: [],
  launcher: undefined,
  mpiLibrary: undefined,
  profile: false,
  quiet: true,
  json: false,
};

function recordContext() {
  const printed: string[] = [];
  const notes: string[] = [];
  const context: CommandContext = {
    signal: new AbortController().signal,
    job: new Job(),
    print: (line) => printed.push(line),
    note: (line) => notes.push(line),
    printJson: (value) => printed.push(JSON.stringify(value)),
  };
  return { printed, notes, context };
}

const memory = {
  weights: 1,
  gradients: 1,
  optimizer: 2,
  frozen: 0,
  activations: 1,
  saving: 0,
  peak: 5e6,
};
const disk = { checkpoint: 1e6, kept: 3e6, atMost: 4e6 };

/** A task that notes what it was told and does nothing but say that it took steps. */
function recordTask(interrupted = false) {
  const calls: { config: PretrainConfig; options: TaskOptions }[] = [];
  return {
    calls,
    task: "pretrain" as const,
    run(config: PretrainConfig, options: TaskOptions): Promise<TaskOutcome> {
      calls.push({ config, options });
      for (let step = 1; step <= 1200; step++) {
        const stepTime = config.microBatchSize === 16 ? 2 : 0.5;
        const metrics = { step, stepTime, dataTime: 0.6 * stepTime } as unknown as StepMetrics;
        options.listener({ type: "step", totalSteps: 1200, metrics });
      }
      return Promise.resolve({ step: 4, interrupted, directory: options.directory });
    },
    plan: ({ schedule, batchSize }: PretrainConfig) =>
      Promise.resolve({
        totalSteps: schedule.steps!,
        batch: batchSize,
        microBatch: batchSize,
        memory,
        disk,
      }),
    describe: ({ step }: TaskOutcome) => [`${step} steps`],
  };
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function writeRun(directory: string, config: object): void {
  Deno.mkdirSync(directory, { recursive: true });
  const stored = { config, origins: { "optimizer.lr": "own.jsonc:3" } };
  Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify(stored));
}

Deno.test("runTask() hands config, directory and origins to the task", async () => {
  const task = recordTask();
  const { printed, context } = recordContext();
  const out = "somewhere/run";
  assert.equal(await runTask(task, { ...flags, out, maxSteps: 4, microBatch: "2" }, context), 0);
  const [{ config, options }] = task.calls;
  assert.equal(config.schedule.maxSteps, 4);
  assert.equal(config.microBatchSize, 2);
  assert.equal(options.directory, out);
  assert.equal(options.resume, "auto");
  assert.equal(options.origins.get("microBatchSize"), "--micro-batch");
  assert.deepEqual(printed, ["4 steps"]);
});

Deno.test("runTask() prints one JSON document with --json", async () => {
  const { printed, context } = recordContext();
  await runTask(recordTask(), { ...flags, out: "x", json: true }, context);
  assert.deepEqual(printed.map((text) => JSON.parse(text)), [
    { step: 4, interrupted: false, directory: "x" },
  ]);
});

Deno.test("runTask() says that --max-steps stopped a run, and that of no other", async () => {
  const notesOf = async (outcome: Partial<TaskOutcome>) => {
    const { notes, context } = recordContext();
    const run = () => Promise.resolve({ step: 4, interrupted: false, directory: "x", ...outcome });
    const code = await runTask({ ...recordTask(), run }, { ...flags, out: "x" }, context);
    return [code, ...notes];
  };
  assert.deepEqual(await notesOf({ scheduleSteps: 9, stoppedEarly: null }), [
    0,
    "Stopped by --max-steps at step 4 of 9",
  ]);
  assert.deepEqual(await notesOf({ scheduleSteps: 9, stoppedEarly: { metric: "top1" } }), [0]);
  assert.deepEqual(await notesOf({ scheduleSteps: 4 }), [0]);
});

Deno.test("--dry-run shows the plan and what some steps took, and keeps nothing", async () => {
  const task = recordTask();
  const { printed, context } = recordContext();
  const backend = "backend.name=reference";
  await runTask(task, { ...flags, dryRun: true, set: [backend], out: "no/such" }, context);
  const text = printed.join("\n");
  assert.match(text, /^total steps +1 200\nbatch +16\nmicro batch +16$/m);
  assert.match(text, /^memory: peak +5 MB$/m);
  assert.match(text, /^disk: at most +4 MB\ndisk: free +[\d.]+ [GT]B$/m);
  assert.match(text, /^measured: device +reference: plain JavaScript/m);
  assert.match(text, /^measured: time to finish +40m 00s$/m);
  // Half the images in a quarter of the time.
  assert.match(text, /^measured: proposed micro batch +8$/m);
  assert.match(
    text,
    /^warning: Steps spend 60 % of their time waiting for images: raise --workers/m,
  );
  const sizes = task.calls.map(({ config }) => [config.microBatchSize, config.batchSize]);
  assert.deepEqual(sizes, [[8, 16], [16, 16]]);
  assert.ok(task.calls.every(({ options }) => options.directory === null));
  assert.ok(!isThere("no"));
});

Deno.test("--dry-run --json is one document; what cannot be measured is said", async () => {
  const { printed, context } = recordContext();
  const task = recordTask();
  const huge = { ...memory, peak: 1e15 };
  const plan = async (config: PretrainConfig) => ({ ...await task.plan(config), memory: huge });
  await runTask({ ...task, plan }, { ...flags, dryRun: true, json: true, out: "x" }, context);
  const { measured, warnings, disk: { free } } = JSON.parse(printed[0]);
  assert.equal(printed.length, 1);
  assert.equal(measured, null);
  assert.ok(free > 0);
  assert.match(
    warnings[0],
    /^A step of 16 images at a time takes 1000 TB of memory.*nothing was measured$/,
  );
  assert.equal(task.calls.length, 0);
});

Deno.test("a plan that the disk has no room for is warned of", async () => {
  const { config } = await resolveConfig({ task: "pretrain" });
  const plan = { totalSteps: 1, batch: 1, microBatch: 1, memory, disk };
  const [warning, ...more] = planWarnings(config, plan, null, { diskBytes: 2e6, memoryBytes: 1e9 });
  assert.deepEqual(more, []);
  assert.match(warning, /^The checkpoints take up to 4 MB, 1 MB each, and the disk has 2 MB left/);
  const room = { diskBytes: null, memoryBytes: null };
  assert.deepEqual(planWarnings(config, plan, null, room), []);
});

function isThere(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

Deno.test("an interrupted task has exit code 130 and gives advice that works", async () => {
  await withFolder(async (folder) => {
    const [out, first] = [`${folder}/run`, recordContext()];
    assert.equal(await runTask(recordTask(true), { ...flags, out }, first.context), 130);
    // There is nothing to resume from.
    assert.match(first.notes[0], /before anything was saved: run the same command to start again/);
    assert.deepEqual(first.printed, []);
    await saveCheckpoint(out, 4, { tensors: {}, state: {} });
    const second = recordContext();
    assert.equal(await runTask(recordTask(true), { ...flags, out }, second.context), 130);
    assert.ok(
      second.notes[0].endsWith(`after step 4. Resume with: deno task pretrain --resume ${out}`),
    );
    assert.deepEqual(second.printed, ["4 steps"]);
  });
});

Deno.test("--resume takes the run's own config, changed by flags", async () => {
  await withFolder(async (folder) => {
    const { config } = await resolveConfig({ task: "pretrain", overrides: ["optimizer.lr=0.5"] });
    const directory = `${folder}/run`;
    writeRun(directory, config);
    const task = recordTask();
    const { context } = recordContext();
    await runTask(task, { ...flags, resume: directory, maxSteps: 9 }, context);
    const [{ config: resumed, options }] = task.calls;
    assert.deepEqual(resumed, { ...config, schedule: { ...config.schedule, maxSteps: 9 } });
    assert.equal(options.directory, directory);
    assert.equal(options.resume, "always");
    assert.equal(options.origins.get("optimizer.lr"), "own.jsonc:3");
  });
});

Deno.test("runTask() refuses a --resume that cannot be", async () => {
  await withFolder(async (folder) => {
    const { context } = recordContext();
    const cases: [Partial<RunFlagValues>, RegExp][] = [
      [{ resume: `${folder}/none` }, /there is no such directory/],
      [{ resume: folder }, /has no config\.json/],
      [{ resume: folder, out: "b" }, /Cannot use --out with --resume/],
    ];
    for (const [changes, wanted] of cases) {
      await assert.rejects(runTask(recordTask(), { ...flags, ...changes }, context), (error) => {
        assert.ok(error instanceof UserError);
        assert.match(error.message, wanted);
        return true;
      });
    }
    writeRun(`${folder}/run`, (await resolveConfig({ task: "pretrain" })).config);
    const config = { resume: `${folder}/run`, config: ["quickstart"] };
    await assert.rejects(
      runTask(recordTask(), { ...flags, ...config }, context),
      /keeps its recipe/,
    );
  });
});

Deno.test("defaultDirectory() goes on with the same run and leaves others alone", async () => {
  await withFolder(async (folder) => {
    const { config } = await resolveConfig({ task: "pretrain" });
    assert.equal(defaultDirectory("quickstart", config, folder), `${folder}/quickstart`);
    writeRun(`${folder}/quickstart`, config);
    assert.equal(defaultDirectory("quickstart", config, folder), `${folder}/quickstart`);
    const other = { ...config, seed: 7 };
    assert.equal(defaultDirectory("quickstart", other, folder), `${folder}/quickstart-2`);
    Deno.mkdirSync(`${folder}/quickstart-2`);
    Deno.writeTextFileSync(`${folder}/quickstart-2/mine.txt`, "");
    assert.equal(defaultDirectory("quickstart", other, folder), `${folder}/quickstart-3`);
  });
});

Deno.test("--name is the run's folder in runs/, and no path", async () => {
  const directories: (string | null)[] = [];
  const task = {
    ...recordTask(),
    run: (_: PretrainConfig, { directory }: TaskOptions): Promise<TaskOutcome> => {
      directories.push(directory);
      return Promise.resolve({ step: 1, interrupted: false, directory });
    },
  };
  await runTask(task, { ...flags, name: "of-the-name-test" }, recordContext().context);
  assert.deepEqual(directories, ["runs/of-the-name-test"]);
  await assert.rejects(
    runTask(task, { ...flags, name: "../x" }, recordContext().context),
    /Cannot call a run "..\/x": expected the name of a folder; omit --name, and give --out DIR/,
  );
});
