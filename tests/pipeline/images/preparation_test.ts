import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { resolveConfig } from "../../../methods/configs.ts";
import {
  classNamesOfRun,
  hubPreprocessing,
  isOfRun,
  preparationOf,
  testTransform,
  withData,
} from "../../../pipeline/images/preparation.ts";

const run = fileURLToPath(new URL("../../fixtures/compat/0.1.0/runs/finetune", import.meta.url));

Deno.test("a run's classes and preparation are those of any file and checkpoint in it", () => {
  const expected = preparationOf(run);
  assert.deepEqual(classNamesOfRun(run), ["bright", "dark"]);
  const [step] = [...Deno.readDirSync(`${run}/checkpoints`)].map(({ name }) => name);
  for (const inside of ["best.safetensors", "config.json", `checkpoints/${step}`]) {
    assert.equal(isOfRun(`${run}/${inside}`), true, inside);
    assert.deepEqual(classNamesOfRun(`${run}/${inside}`), ["bright", "dark"], inside);
    assert.deepEqual(preparationOf(`${run}/${inside}`), expected, inside);
  }
  for (const other of ["/dev/null", `${run}/../../expected.json`, "/nowhere/x.safetensors"]) {
    assert.equal(classNamesOfRun(other), null, other);
  }
});

Deno.test("a flag that the data section does not take is named in one line", async () => {
  const { config } = await resolveConfig({ task: "finetune" });
  assert.throws(() => withData(config.data, { workers: 100_000 }), {
    name: "UserError",
    message:
      'Cannot use "workers" (data.workers): expected "auto" or a whole number ≥ 0 and ≤ 1024, ' +
      "found 100000",
  });
});

async function withRun(overrides: string[], work: (directory: string) => void): Promise<void> {
  const directory = await Deno.makeTempDir();
  try {
    const { config } = await resolveConfig({ task: "finetune", overrides });
    await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify({ config }));
    work(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("the run's crop share holds at another size: --image-size cuts out of no smaller image", async () => {
  await withRun(["augment.testResize=36"], (directory) => {
    const preparation = preparationOf(directory);
    assert.deepEqual(
      [32, 64, 384].map((size) => testTransform(preparation, size).edge),
      [36, 72, 432],
    );
    assert.equal(hubPreprocessing(directory)!.cropShare, 32 / 36);
  });
});

Deno.test("a --resize smaller than the crop is refused with what to give", async () => {
  await withRun([], (directory) => {
    const preparation = { ...preparationOf(directory), resize: 20 };
    assert.equal(testTransform(preparation, 20).edge, 20);
    assert.throws(() => testTransform(preparation, 32), /central 32 px.*to 20 px.*--resize 32/);
  });
});

Deno.test("a run that was let through with a crop larger than its image is read all the same", async () => {
  await withRun([], (directory) => {
    const path = `${directory}/config.json`;
    const { config } = JSON.parse(Deno.readTextFileSync(path));
    config.augment.testResize = 16;
    Deno.writeTextFileSync(path, JSON.stringify({ config }));
    assert.equal(testTransform(preparationOf(directory), 32).edge, 37);
  });
});

Deno.test("the images that a run was told to evaluate on go along with it", async () => {
  const data = ["data.evaluationSource=a", "data.evaluationSplit=b", "data.evaluationListFile=c"];
  await withRun(data, (directory) => {
    const { evaluationSource, evaluationSplit, evaluationListFile } = preparationOf(directory).data;
    assert.deepEqual([evaluationSource, evaluationSplit, evaluationListFile], ["a", "b", "c"]);
  });
});
