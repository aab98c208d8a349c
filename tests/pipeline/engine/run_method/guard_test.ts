/** What a run says of its own health and of its data, seen from outside. */
import assert from "node:assert/strict";
import { LogReader } from "../../../../checkpoints/store/append_log.ts";
import { latestCheckpoint } from "../../../../checkpoints/store/store.ts";
import { UserError } from "../../../../core/errors.ts";
import { pretrain } from "../../../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../../tasks/_tiny.ts";

Deno.test("a run whose loss stands still and whose steps wait says each once, in its records", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "schedule.steps=130",
      "checkpoint.everySteps=130",
      "optimizer.lr=1e-9",
      "guard.stalledSteps=10",
      // Any waiting at all.
      "guard.starvedShare=0",
    ]);
    const directory = `${folder}/run`;
    await pretrain(config, { backend, directory });
    const warnings = [...new LogReader(`${directory}/events.jsonl`).read()]
      .filter(({ type }) => type === "warning");
    assert.deepEqual(warnings.map(({ kind }) => kind), ["stalledLoss", "dataStarvation"]);
    const page = Deno.readTextFileSync(`${directory}/report.html`);
    for (const remedy of ["try another --lr", "raise --workers"]) {
      assert.ok(page.includes(remedy), remedy);
    }
  });
});

function picture(grey: number): Uint8Array {
  const header = new TextEncoder().encode("P5 16 16 255\n");
  const file = new Uint8Array(header.length + 256).fill(grey);
  file.set(header);
  return file;
}

Deno.test("a corrupt file ends a run in one line that names it; mended, the same command goes on", async () => {
  await withFolder(async (folder, backend) => {
    const pictures = `${folder}/pictures`;
    Deno.mkdirSync(pictures);
    for (let index = 0; index < 40; index++) {
      Deno.writeFileSync(`${pictures}/${index}.pgm`, picture(6 * index));
    }
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      `data.source=${pictures}`,
      "data.shuffle=false",
      "checkpoint.everySteps=2",
      "schedule.steps=10",
    ]);
    // The order is that of the names; this one is the 39th, in the tenth step.
    const broken = `${pictures}/8.pgm`;
    Deno.writeFileSync(broken, picture(0).subarray(0, 100));
    const directory = `${folder}/run`;
    await assert.rejects(pretrain(config, { backend, directory }), (error) => {
      assert.ok(error instanceof UserError, `${error}`);
      assert.match(
        error.message,
        /^Cannot decode image "[^"]*\/8\.pgm": [^\n]*; skip such files with --set data\.onError=skip$/,
      );
      return true;
    });
    const { checkpoint, broken: flawed } = latestCheckpoint(directory);
    assert.deepEqual([checkpoint?.step, flawed], [8, []]);
    assert.match(Deno.readTextFileSync(`${directory}/report.html`), /ended by an error at step/);
    Deno.writeFileSync(broken, picture(48));
    const { step } = await pretrain(config, { backend, directory });
    assert.equal(step, 10);
  });
});
