import assert from "node:assert/strict";
import { UserError } from "../../core/errors.ts";
import { evaluate } from "../../tasks/evaluate.ts";
import { predict } from "../../tasks/predict.ts";
import { runFinetune, tinyFinetune } from "./_tiny_finetune.ts";
import { withFolder } from "./_tiny.ts";
import { writeTinyData, writeTinyModel } from "./_tiny_model.ts";

Deno.test("evaluate() of a run and of its best file gives what the run measured", async () => {
  await withFolder(async (folder, backend) => {
    const directory = `${folder}/run`;
    const data = writeTinyData(folder);
    const config = await tinyFinetune(data, ["schedule.steps=5", "optimizer.lr=2e-3"]);
    const { result } = await runFinetune(config, { backend, directory });
    const last = await evaluate({ checkpoint: directory, backend });
    assert.equal(last.top1, result.top1);
    assert.equal(last.images, 12);
    assert.equal(last.confusion.flat().reduce((sum, count) => sum + count), 12);
    const correct = last.confusion[0][0] + last.confusion[1][1];
    assert.equal(correct / 12, last.top1);
    assert.deepEqual(last.classes.map(({ name, images }) => [name, images]), [
      ["bright", 6],
      ["dark", 6],
    ]);
    const best = await evaluate({
      // The run around the file says how its images are prepared.
      checkpoint: `${directory}/best.safetensors`,
      backend,
    });
    assert.equal(best.top1, result.best?.top1);
  });
});

Deno.test("predict() names the classes of images, most probable first", async () => {
  await withFolder(async (folder, backend) => {
    const directory = `${folder}/run`;
    const data = writeTinyData(folder);
    const config = await tinyFinetune(data, ["schedule.steps=24", "optimizer.lr=5e-3"]);
    await runFinetune(config, { backend, directory });
    const images = [`${data}/val/dark/0.pgm`, `${data}/val/bright/0.pgm`];
    for (const checkpoint of [directory, `${directory}/best.safetensors`]) {
      const found = await predict({ checkpoint, images, backend, data: { workers: 0 } });
      assert.deepEqual(found.map(({ image }) => image), images);
      assert.deepEqual(found.map(({ guesses }) => guesses[0].name), ["dark", "bright"]);
      for (const { guesses } of found) {
        assert.equal(guesses.length, 2);
        assert.ok(guesses[0].probability >= guesses[1].probability);
        assert.ok(Math.abs(guesses[0].probability + guesses[1].probability - 1) < 1e-6);
      }
    }
    const [{ guesses }] = await predict({
      checkpoint: directory,
      images: images.slice(0, 1),
      classNames: ["day", "night"],
      top: 1,
      backend,
    });
    assert.deepEqual(guesses.map(({ name, label }) => [name, label]), [["night", 1]]);
  });
});

Deno.test("evaluate() compares the names of classes, not their number alone", async () => {
  await withFolder(async (folder, backend) => {
    const directory = `${folder}/run`;
    const data = writeTinyData(folder);
    await runFinetune(await tinyFinetune(data, ["schedule.steps=1"]), { backend, directory });
    const refused = async (checkpoint: string, message: RegExp) =>
      await assert.rejects(
        evaluate({ checkpoint, data: { source: data, workers: 0 }, backend }),
        message,
      );
    const wholes = [directory, `${directory}/best.safetensors`, `${directory}/checkpoints/step-1`];
    for (const split of ["train", "val"]) {
      Deno.renameSync(`${data}/${split}/bright`, `${data}/${split}/zebra`);
    }
    for (const checkpoint of wholes) {
      await refused(
        checkpoint,
        /classes that it learned \(class "bright" missing, class "zebra" new/,
      );
    }
    for (const split of ["train", "val"]) {
      Deno.renameSync(`${data}/${split}/dark`, `${data}/${split}/night`);
    }
    await refused(directory, /classes "bright", "dark" missing/);
  });
});

Deno.test("a model without classifier, or with other classes, is refused with what to do", async () => {
  await withFolder(async (folder, backend) => {
    const checkpoint = await writeTinyModel(folder);
    const data = { source: writeTinyData(folder), workers: 0 };
    const refused = (message: RegExp) => (error: Error) => {
      assert.ok(error instanceof UserError, `${error.stack}`);
      assert.match(error.message, message);
      return true;
    };
    await assert.rejects(evaluate({ checkpoint, data, backend }), refused(/fine-tune it first/));
    const config = await tinyFinetune(data.source, ["schedule.steps=1", "model.classes=3"]);
    const directory = `${folder}/run`;
    const { result } = await runFinetune(config, { backend, directory });
    assert.equal(result.classes, 3);
    await assert.rejects(
      evaluate({ checkpoint: directory, backend }),
      refused(/knows 3 classes, and the images have 2/),
    );
  });
});
