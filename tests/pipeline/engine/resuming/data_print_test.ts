import assert from "node:assert/strict";
import { latestCheckpoint } from "../../../../checkpoints/store/store.ts";
import { UserError } from "../../../../core/errors.ts";
import type { Source } from "../../../../data/sources/source.ts";
import { dataPrint } from "../../../../pipeline/engine/resuming/data_print.ts";
import { preparationOf } from "../../../../pipeline/images/preparation.ts";
import { withFolder } from "../../../tasks/_tiny.ts";
import {
  copyRun,
  runTiny,
  tinyConfigOf,
  type TinyFiles,
  writeTinyFiles,
} from "../../../methods/_tiny_methods.ts";

/** Changes of the tiny images between a run and its resume, each with what is said of it. */
const changes: readonly (readonly [RegExp, (data: string) => void])[] = [
  [/class "aaa" new/, (data) => {
    for (const split of ["train", "val"]) copyRun(`${data}/${split}/dark`, `${data}/${split}/aaa`);
  }],
  [/class "bright" missing, class "zebra" new/, (data) => {
    for (const split of ["train", "val"]) {
      Deno.renameSync(`${data}/${split}/bright`, `${data}/${split}/zebra`);
    }
  }],
  [/there were 24, and now there are 23/, (data) => Deno.removeSync(`${data}/train/dark/3.pgm`)],
  [/files were renamed or replaced/, (data) => {
    Deno.renameSync(`${data}/train/dark/3.pgm`, `${data}/train/dark/other.pgm`);
  }],
  [/files were renamed or replaced/, (data) => {
    Deno.renameSync(`${data}/train/dark/3.pgm`, `${data}/train/bright/x.pgm`);
  }],
];

async function startedRun(folder: string): Promise<TinyFiles> {
  const files = await writeTinyFiles(folder);
  const config = await tinyConfigOf("finetune", files, ["schedule.maxSteps=3"]);
  await runTiny(config, { directory: `${folder}/run` });
  return files;
}

Deno.test("a run is not resumed on other images, and what was saved stays", async () => {
  await withFolder(async (folder, backend) => {
    const files = await startedRun(folder);
    for (const [index, [said, change]] of changes.entries()) {
      const data = `${folder}/changed-${index}`;
      copyRun(files.data, data);
      change(data);
      // The images are found elsewhere, which is no other config: a link takes their place.
      Deno.renameSync(files.data, `${files.data}-away`);
      Deno.symlinkSync(data, files.data);
      const config = await tinyConfigOf("finetune", files);
      await assert.rejects(
        runTiny(config, { backend, directory: `${folder}/run`, resume: "always" }),
        (error) => {
          assert.ok(error instanceof UserError, `${error}`);
          assert.match(error.message, said);
          assert.match(error.message, /restore them, or start a new run/);
          return true;
        },
      );
      Deno.removeSync(files.data);
      Deno.renameSync(`${files.data}-away`, files.data);
    }
    const { step } = await runTiny(await tinyConfigOf("finetune", files), {
      backend,
      directory: `${folder}/run`,
    });
    assert.equal(step, 12);
  });
});

Deno.test("classes in another order are told apart, though as many", () => {
  const source = (classes: string[]): Source => ({
    length: 2,
    classes,
    entry: (index) => ({ id: `${index}`, label: index }),
    read: () => Promise.reject(new Error("unused")),
  });
  const [a, b] = [dataPrint(source(["cat", "dog"])), dataPrint(source(["dog", "cat"]))];
  assert.equal(a.fingerprint, b.fingerprint);
  assert.notDeepEqual(a.classes, b.classes);
});

Deno.test("a million names have their print in a moment", () => {
  const source: Source = {
    length: 1_000_000,
    classes: ["one"],
    entry: (index) => ({ id: `one/picture-${index}.jpg`, label: 0 }),
    read: () => Promise.reject(new Error("unused")),
  };
  const start = performance.now();
  assert.equal(dataPrint(source).images, 1_000_000);
  // Far from what it takes, for a machine that does other things too.
  assert.ok(performance.now() - start < 30_000);
});

Deno.test("a checkpoint of a run is prepared for as its run was", async () => {
  await withFolder(async (folder) => {
    const files = await writeTinyFiles(folder);
    const overrides = ["schedule.maxSteps=1", "augment.normalization=half"];
    const config = await tinyConfigOf("finetune", files, overrides);
    const directory = `${folder}/run`;
    await runTiny(config, { directory });
    const checkpoint = latestCheckpoint(directory).checkpoint!.directory;
    assert.match(checkpoint, /checkpoints\/step-1$/);
    assert.deepEqual(preparationOf(checkpoint), preparationOf(directory));
    assert.equal(preparationOf(checkpoint).data.source, files.data);
  });
});
