import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import type { ResolveOptions } from "../../configs/resolve.ts";
import { resolveConfig } from "../../methods/configs.ts";
import type { Task } from "../../methods/mod.ts";
import { fc } from "../../deps/fast_check.ts";

async function message(options: ResolveOptions<Task>): Promise<string> {
  try {
    await resolveConfig(options);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  throw new Error("expected an error");
}

/** A folder with recipe files, gone after the test. */
async function withFiles(
  files: Record<string, string>,
  test: (base: URL) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    for (const [name, text] of Object.entries(files)) {
      await Deno.writeTextFile(`${folder}/${name}`, text);
    }
    await test(new URL(`file://${folder}/`));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("every task takes either variant", async () => {
  for (const task of ["pretrain", "tokenizer", "finetune", "linearProbe", "segment"] as const) {
    const { config } = await resolveConfig({ task, overrides: ["variant=mmselfsup"] });
    assert.equal(config.variant, "mmselfsup");
  }
  assert.match(
    await message({ task: "pretrain", overrides: [{ key: "data.split", value: 1, origin: "x" }] }),
    /expected text or null, found 1/,
  );
});

Deno.test("later layers win, and each value says where it comes from", async () => {
  const files = {
    "base.jsonc": '{ "task": "pretrain",\n "batchSize": 8, "seed": 1,\n "optimizer": { "lr": 1 } }',
    "own.jsonc": '{ "extends": "./base.jsonc",\n "seed": 2,\n "optimizer": { "epsilon": 1e-6 } }',
    "more.yaml": "log:\n  everySteps: 7\noptimizer:\n  clipGradNorm: 1\n",
  };
  await withFiles(files, async (base) => {
    const { config, origins, name } = await resolveConfig({
      task: "pretrain",
      recipe: "./own.jsonc",
      extra: ["./more.yaml"],
      overrides: ["optimizer.epsilon=1e-7", { key: "seed", value: 3, origin: "--seed" }],
      base,
    });
    assert.equal(name, "own");
    const seen = (key: string) => origins.get(key);
    assert.equal(config.batchSize, 8);
    assert.equal(seen("batchSize"), "./base.jsonc:2");
    assert.equal(config.optimizer.lr, 1);
    assert.equal(seen("optimizer.lr"), "./base.jsonc:3");
    assert.equal(config.optimizer.epsilon, 1e-7);
    assert.equal(seen("optimizer.epsilon"), "--set optimizer.epsilon=1e-7");
    assert.equal(config.seed, 3);
    assert.equal(seen("seed"), "--seed");
    assert.equal(config.log.everySteps, 7);
    assert.equal(seen("log.everySteps"), "more.yaml:2".replace(/^/, "./"));
    assert.equal(seen("optimizer.weightDecay"), "default");
    assert.equal(seen("mask.maxBlock"), "derived from mask.maskedPatches");
  });
});

Deno.test("an alternative key takes the other back", async () => {
  const { config, origins } = await resolveConfig({
    task: "pretrain",
    overrides: [{ key: "schedule.epochs", value: 3, origin: "--epochs" }, "mask.maskedPatches=9"],
  });
  assert.equal(config.schedule.epochs, 3);
  assert.equal(config.schedule.steps, null);
  assert.equal(origins.get("schedule.steps"), "replaced by schedule.epochs");
  assert.equal(config.mask.maskedPatches, 9);
  assert.equal(config.mask.ratio, null);
});

Deno.test("lists are replaced whole and records merged by key", async () => {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [
      "optimizer.betas=0.8, 0.9",
      "optimizer.lrMultipliers.blocks.0.attn=0.5",
      "augment.cropScale=[0.5, 1]",
    ],
  });
  assert.deepEqual(config.optimizer.betas, [0.8, 0.9]);
  assert.deepEqual(config.augment.cropScale, [0.5, 1]);
  assert.deepEqual(config.optimizer.lrMultipliers, {
    relative_position_bias_table: 10,
    "blocks.0.attn": 0.5,
  });
});

Deno.test("a recipe may be a module or values", async () => {
  const files = {
    "computed.ts": 'export default { task: "pretrain", batchSize: 4 * 4, seed: 1 };',
  };
  await withFiles(files, async (base) => {
    const { config, origins } = await resolveConfig({ recipe: "./computed.ts", base });
    assert.equal(config.batchSize, 16);
    assert.equal(origins.get("batchSize"), "./computed.ts");
  });
  const { config } = await resolveConfig({ task: "tokenizer", recipe: { batchSize: 4 } });
  assert.equal(config.batchSize, 4);
});

Deno.test("a recipe may be a URL, and extend one beside it", async () => {
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/a.jsonc") return new Response('{ "extends": "./b.json", "seed": 4 }');
    if (pathname === "/b.json") return new Response('{ "task": "pretrain", "batchSize": 2 }');
    return new Response("no", { status: 404 });
  });
  try {
    const root = `http://127.0.0.1:${server.addr.port}`;
    const { config } = await resolveConfig({ recipe: `${root}/a.jsonc` });
    assert.deepEqual([config.seed, config.batchSize], [4, 2]);
    assert.match(await message({ recipe: `${root}/c.jsonc` }), /the server answered 404/);
  } finally {
    await server.shutdown();
  }
});

Deno.test("a stored config resolves to itself with its origins", async () => {
  const first = await resolveConfig({ task: "pretrain", overrides: ["optimizer.lr=0.5"] });
  const again = await resolveConfig({
    recipe: { ...first.config },
    origins: first.origins,
    overrides: ["schedule.maxSteps=3"],
  });
  assert.deepEqual(again.config, {
    ...first.config,
    schedule: { ...first.config.schedule, maxSteps: 3 },
  });
  assert.equal(again.origins.get("optimizer.lr"), "--set optimizer.lr=0.5");
});

Deno.test("each mistake in --set is named with its way out", async () => {
  const cases: [override: string, wanted: RegExp][] = [
    [
      "optimzer.lr=1",
      /^Unknown key "optimzer" \(--set optimzer.lr=1\); did you mean "optimizer"\?$/,
    ],
    ["optimizer.wightDecay=1", /did you mean "optimizer.weightDecay"\?$/],
    ["weightDecay=1", /did you mean "optimizer.weightDecay"\?$/],
    [
      "codebook.codes=4",
      /Unknown key "codebook".*; did you mean "model.codes"\? "codebook.codes" belongs to task "tokenizer"$/,
    ],
    ["ema.decay=1", /Unknown key "ema".*; it belongs to task "finetune"$/],
    ["seed.x=1", /Unknown key "seed.x".*"seed" holds a value, not keys$/],
    ["optimizer.lr=fast", /^Cannot set "optimizer.lr": expected a number > 0, found "fast"$/],
    ["optimizer.lr=-1", /expected a number > 0, found "-1"$/],
    ["batchSize=1.5", /expected a whole number ≥ 1 and ≤ 1000000, found "1.5"$/],
    ["batchSize=", /expected a whole number ≥ 1 and ≤ 1000000, found ""$/],
    ["data.onError=ignore", /expected one of "raise", "skip", found "ignore"$/],
    ["data.shuffle=1", /expected true or false, found "1"$/],
    ["optimizer=3", /expected a section with keys, found "3"$/],
    ["seed", /expected KEY=VALUE; for example --set optimizer.lr=1e-3$/],
    [
      "model.patchSize=5",
      /^Cannot use "model.patchSize" \(--set model.patchSize=5\): expected a divisor of the image size 32, found 5; for example --set model.patchSize=4$/,
    ],
    [
      "model.imageSize=16384",
      /expected at least 64, which gives 65536 patches per image, found 4/,
    ],
    ["model.heads=3", /expected a divisor of model.embedDim, 128, found 3$/],
    ["model.earlyLayers=4", /expected fewer than model.depth, 4, found 4$/],
    ["augment.size=64", /expected model.imageSize, 32, found 64$/],
    ["mask.maskedPatches=65", /expected at most the 64 patches of the grid, found 65$/],
    ["microBatchSize=5", /expected a divisor of batchSize, 16, found 5; .*--micro-batch 4$/],
    ["augment.cropScale=[1, 0.2]", /found "\[1, 0.2\]"$/],
    [
      "model.embedDim=200000",
      /^Cannot set "model.embedDim": expected a whole number ≥ 1 and ≤ 65536, found "200000"$/,
    ],
    ["model.headLayers=2147483648", /expected a whole number ≥ 0 and ≤ 1024, found "2147483648"$/],
    ["model.depth=5000000", /expected a whole number ≥ 1 and ≤ 1024, found "5000000"$/],
    ["backend.threads=5000000", /expected "auto" or a whole number ≥ 1 and ≤ 1024, found/],
    ["data.workers=5000000", /expected "auto" or a whole number ≥ 0 and ≤ 1024, found/],
    ["data.prefetch=5000000", /expected a whole number ≥ 1 and ≤ 256, found "5000000"$/],
  ];
  for (const [override, wanted] of cases) {
    assert.match(await message({ task: "pretrain", overrides: [override] }), wanted, override);
  }
});

Deno.test("a key of another task is answered with this one's of that name", async () => {
  const wanted = /; did you mean "probe.epochs"\? "schedule.epochs" belongs to task "pretrain"$/;
  const task = "linearProbe";
  assert.match(await message({ task, overrides: ["schedule.epochs=3"] }), wanted);
  assert.match(await message({ task, recipe: { schedule: { epochs: 3 } } }), wanted);
});

Deno.test("each mistake in a recipe is named with file and line", async () => {
  const files = {
    "key.jsonc":
      '// A recipe.\n{\n  "task": "pretrain",\n  "optimizer": {\n    "learningRate": 1\n  }\n}',
    "type.jsonc": '{\n  "task": "pretrain",\n  "model": { "depth": "deep" }\n}',
    "list.jsonc": '{\n  "task": "pretrain",\n  "optimizer": {\n    "betas": [0.9, 2]\n  }\n}',
    "syntax.jsonc": '{\n  "task": "pretrain",,\n}',
    "task.jsonc": '{ "task": "pretraining" }',
    "none.jsonc": '{ "seed": 1 }',
    "array.json": "[1]",
    "type.yaml": "task: pretrain\n# deep\nmodel:\n  depth: deep\n",
    "syntax.yaml": "task: pretrain\n  seed: 1\n",
    "both.jsonc": '{ "task": "pretrain",\n "schedule": { "epochs": 1, "steps": 2 } }',
    "third.jsonc": '{ "extends": "beitv2_vit-base-p16_8xb256-amp-coslr-1600e_in1k" }',
    "broken.ts": "export default {",
    "text.txt": "task: pretrain",
  };
  const cases: [recipe: string, wanted: RegExp][] = [
    ["./key.jsonc", /^Unknown key "optimizer.learningRate" \(\.\/key\.jsonc:5\)/],
    [
      "./type.jsonc",
      /^Cannot use "model.depth" \(\.\/type\.jsonc:3\): expected a whole number ≥ 1 and ≤ 1024, found "deep"$/,
    ],
    [
      "./list.jsonc",
      /^Cannot use "optimizer.betas" \(\.\/list\.jsonc:4\): expected \[.*, found \[0.9,2\]$/,
    ],
    ["./syntax.jsonc", /^Cannot read recipe "\.\/syntax\.jsonc:2": /],
    ["./task.jsonc", /found "pretraining"; did you mean "pretrain"\?$/],
    ["./none.jsonc", /^Cannot use "task" .* found nothing$/],
    ["./array.json", /expected an object of config keys, found \[1\]$/],
    ["./type.yaml", /^Cannot use "model.depth" \(\.\/type\.yaml:4\): expected a whole number ≥ 1/],
    ["./syntax.yaml", /^Cannot read recipe "\.\/syntax\.yaml": .*line 2/],
    [
      "./both.jsonc",
      /^Cannot use both "schedule.epochs" and "schedule.steps" \(\.\/both\.jsonc:2\)/,
    ],
    ["./third.jsonc", /it extends another recipe itself/],
    ["./broken.ts", /^Cannot read recipe "\.\/broken\.ts": /],
    ["./text.txt", /expected a \.jsonc, \.json, \.yaml, \.yml or \.ts file, found "\.txt"$/],
    ["./absent.jsonc", /^Cannot read recipe "\.\/absent\.jsonc": there is no such file/],
    ["quickstrt", /^Unknown recipe "quickstrt"; did you mean "quickstart"\?$/],
    ["imagenet", /^Unknown recipe "imagenet"; `deno task config list` shows the bundled ones/],
  ];
  await withFiles(files, async (base) => {
    for (const [recipe, wanted] of cases) {
      assert.match(await message({ recipe, base }), wanted, recipe);
    }
  });
});

Deno.test("a recipe that is nested too deeply, endless or a bomb is refused in one line", async () => {
  const deep = 200_000;
  const laughs = ["a0: &a0 {x: 1}"];
  for (let i = 1; i < 40; i++) laughs.push(`a${i}: &a${i} {p: *a${i - 1}, q: *a${i - 1}}`);
  const files = {
    "deep.json": `{"task": "pretrain", "data": ${"[".repeat(deep)}${"]".repeat(deep)}}`,
    "open.json": `{"data": ${"[".repeat(deep)}`,
    "objects.jsonc": `${'{"a":'.repeat(deep)}1${"}".repeat(deep)}`,
    "deep.yaml": `task: pretrain\ndata: ${"[".repeat(deep)}${"]".repeat(deep)}\n`,
    "dashes.yaml": `data: \n  ${"- ".repeat(5000)}1\n`,
    "few.json": `{"data": ${"[".repeat(100)}${"]".repeat(100)}}`,
    "self.yaml": "data: &self [*self]\n",
    "laughs.yaml": laughs.join("\n"),
  };
  await withFiles(files, async (base) => {
    for (const name of Object.keys(files)) {
      const found = await message({ recipe: `./${name}`, base });
      assert.match(found, /^Cannot read recipe ".*": it (is nested|holds) more than \d+ /, name);
      assert.doesNotMatch(found, /\n/);
    }
  });
  const nested: Record<string, unknown> = { task: "pretrain" };
  let inner = nested;
  for (let i = 0; i < 100_000; i++) inner = inner.data = {};
  assert.match(await message({ recipe: nested }), /it is nested more than 64 levels deep/);
});

Deno.test("a recipe of another task is refused with the command that takes it", async () => {
  assert.match(
    await message({ task: "pretrain", recipe: "vqkd_quickstart" }),
    /expected one for task "pretrain", found "tokenizer"; run `deno task tokenizer --config vqkd_quickstart`$/,
  );
});

Deno.test("every finite number above zero that JavaScript prints is a learning rate", async () => {
  const numbers = fc.double({ min: 1e-300, noNaN: true, noDefaultInfinity: true });
  await fc.assert(
    fc.asyncProperty(numbers, async (lr) => {
      const { config } = await resolveConfig({
        recipe: { task: "pretrain" },
        task: "pretrain",
        overrides: [`optimizer.lr=${lr}`],
      });
      assert.equal(config.optimizer.lr, lr);
    }),
    { seed: 1, numRuns: 50 },
  );
});

Deno.test("a run's config.json is a recipe: the config in it, with its lines", async () => {
  const { config } = await resolveConfig({ task: "pretrain", overrides: ["seed=7"] });
  const stored = { config, origins: { seed: "--set seed=7" }, hash: "0" };
  const text = JSON.stringify(stored, null, 2);
  await withFiles({ "config.json": text }, async (base) => {
    const again = await resolveConfig({ task: "pretrain", recipe: "./config.json", base });
    assert.deepEqual(again.config, config);
    assert.match(again.origins.get("seed")!, /config\.json:4$/);
    const extended = { extends: "./config.json", seed: 8 };
    await Deno.writeTextFile(new URL("more.json", base), JSON.stringify(extended));
    const more = await resolveConfig({ task: "pretrain", recipe: "./more.json", base });
    assert.deepEqual(more.config, { ...config, seed: 8 });
  });
});
