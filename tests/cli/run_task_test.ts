import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import type { PretrainConfig } from "../../configs/schema.ts";
import { resolveConfig } from "../../configs/resolve.ts";
import type { CommandContext } from "../../cli/_command.ts";
import {
  defaultDirectory,
  type RunFlagValues,
  runTask,
  type TaskOptions,
  type TaskOutcome,
} from "../../cli/_run_task.ts";

const flags: RunFlagValues = {
  config: [],
  set: [],
  out: undefined,
  resume: undefined,
  dryRun: false,
  offline: false,
  hook: [],
  profile: false,
  quiet: true,
  json: false,
};

function recordContext() {
  const printed: string[] = [];
  const notes: string[] = [];
  const context: CommandContext = {
    signal: new AbortController().signal,
    print: (line) => printed.push(line),
    note: (line) => notes.push(line),
    printJson: (value) => printed.push(JSON.stringify(value)),
  };
  return { printed, notes, context };
}

/** A task that notes what it was told and does nothing. */
function recordTask(interrupted = false) {
  const calls: { config: PretrainConfig; options: TaskOptions }[] = [];
  return {
    calls,
    task: "pretrain" as const,
    run(config: PretrainConfig, options: TaskOptions): Promise<TaskOutcome> {
      calls.push({ config, options });
      return Promise.resolve({ step: 4, interrupted, directory: options.directory });
    },
    plan: (config: PretrainConfig) => Promise.resolve({ steps: config.schedule.steps, memory: {} }),
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

Deno.test("runTask() shows the plan and runs nothing with --dry-run", async () => {
  const task = recordTask();
  const { printed, context } = recordContext();
  assert.equal(await runTask(task, { ...flags, dryRun: true }, context), 0);
  assert.deepEqual(printed, ["steps  1 200"]);
  assert.equal(task.calls.length, 0);
});

Deno.test("an interrupted task has exit code 130 and says how to go on", async () => {
  const { notes, context } = recordContext();
  assert.equal(await runTask(recordTask(true), { ...flags, out: "a/b" }, context), 130);
  assert.match(notes[0], /after step 4\. Go on with: deno task pretrain --resume a\/b$/);
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
      [{ resume: folder }, /holds no config\.json/],
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
