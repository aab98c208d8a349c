import assert from "node:assert/strict";
import type { Backend } from "../../../backends/backend.ts";
import type { PretrainConfig } from "../../../methods/beit/config.ts";
import { pretrain } from "../../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";
import { writeTinyData } from "../../tasks/_tiny_model.ts";

/** The losses of a run, and how many crops were computed and read. */
async function follow(config: PretrainConfig, backend: Backend, directory: string | null) {
  const losses: number[] = [];
  let notes = "";
  await pretrain(config, {
    backend,
    directory,
    listener(event) {
      if (event.type === "step") losses.push(event.metrics.loss);
      if (event.type === "note") notes += `${event.message}\n`;
    },
  });
  const [, misses, hits] = notes.match(/saw (\d+) crops; the codes of (\d+)/) ?? [];
  return { losses, notes, misses: Number(misses), hits: Number(hits) };
}

/** 24 images in steps of 4: six steps an epoch, two crops of each image. */
async function tinyCrops(folder: string, overrides: readonly string[] = []) {
  return await tinyConfig(await writeTinyTokenizer(folder), [
    `data.source=${writeTinyData(folder)}`,
    "augment.cropsPerImage=2",
    "schedule.steps=24",
    ...overrides,
  ]);
}

Deno.test("losses are bitwise the same with codes computed, stored and from an earlier run", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyCrops(folder);
    const fresh = await follow(config, backend, null);
    assert.match(fresh.notes, /Codes are computed in every epoch: the run is not saved/);
    const kept = await follow(config, backend, `${folder}/run`);
    assert.deepEqual(kept.losses, fresh.losses);
    assert.deepEqual([kept.misses, kept.hits], [48, 48], "two epochs of each");
    const [{ name }] = [...Deno.readDirSync(`${folder}/run/codes`)];
    assert.match(name, /^[0-9a-f]{32}\.codes$/);
    assert.equal(Deno.statSync(`${folder}/run/codes/${name}`).size, 48 * (8 + 2 * 16 + 8));

    const shared = { ...config.tokenizer, codesDirectory: `${folder}/run/codes` };
    const later = await follow({ ...config, tokenizer: shared }, backend, null);
    assert.deepEqual(later.losses, fresh.losses);
    assert.deepEqual([later.misses, later.hits], [0, 96], "the tokenizer is not run at all");

    // Torn and foreign records are computed again.
    const path = `${folder}/run/codes/${name}`;
    const bytes = Deno.readFileSync(path);
    for (let at = 100; at < bytes.length; at += 200) bytes[at] ^= 255;
    Deno.writeFileSync(path, bytes.subarray(0, bytes.length - 30));
    const mended = await follow({ ...config, tokenizer: shared }, backend, null);
    assert.deepEqual(mended.losses, fresh.losses);
    assert.ok(mended.misses > 0);
  });
});

Deno.test("masks are drawn anew in every epoch, and a run resumes bitwise with its codes", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyCrops(folder);
    const whole = await follow(config, backend, `${folder}/whole`);
    const unlimited = await tinyCrops(folder, ["augment.cropsPerImage=null"]);
    const other = await follow(unlimited, backend, null);
    assert.deepEqual(other.losses.slice(0, 12), whole.losses.slice(0, 12), "the first two crops");
    assert.notDeepEqual(other.losses.slice(12), whole.losses.slice(12));
    const directory = `${folder}/run`;
    const short = { ...config, schedule: { ...config.schedule, maxSteps: 10 } };
    const first = await follow(short, backend, directory);
    const rest = await follow(config, backend, directory);
    assert.deepEqual([...first.losses, ...rest.losses], whole.losses);
    assert.deepEqual([first.misses, rest.hits], [40, 48]);
  });
});

Deno.test("codes of a codebook that changes are not kept", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyCrops(folder, ["tokenizer.updatesDuringPretraining=true"]);
    const { notes } = await follow(config, backend, `${folder}/run`);
    assert.match(notes, /Codes are computed in every epoch: .*updatesDuringPretraining changes/);
  });
});

Deno.test("codes of k-means on pixels are found by what k-means found", async () => {
  await withFolder(async (folder, backend) => {
    const overrides = ["tokenizer.checkpoint=pixels", `tokenizer.codesDirectory=${folder}/codes`];
    const config = await tinyCrops(folder, overrides);
    const first = await follow(config, backend, null);
    const second = await follow(config, backend, null);
    assert.deepEqual(second.losses, first.losses);
    assert.deepEqual([first.misses, second.misses], [48, 0]);
    const other = await follow({ ...config, seed: 1 }, backend, null);
    assert.equal(other.misses, 48, "another seed draws other crops and other means");
  });
});
