import assert from "node:assert/strict";
import { resolveConfig } from "../../configs/resolve.ts";
import { hubPreprocessing, preparationOf, testTransform } from "../../tasks/run/preparation.ts";

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
