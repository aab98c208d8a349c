import assert from "node:assert/strict";
import type { Study } from "../../../configs/study.ts";
import { partHashes } from "../../../bench/study/part_hash.ts";
import { studyParts } from "../../../bench/study/parts.ts";
import { tinyStudy } from "./_tiny_study.ts";

async function hashesOf(study: Study, root: string, images = "24 pictures") {
  const parts = await studyParts(study, {
    sources: new Map([["pictures", `${root}/pictures.zip`]]),
    directoryOf: (id) => `${root}/runs/${id}`,
  });
  return await partHashes(parts, new Map([["pictures", images]]));
}

Deno.test("hashes of parts do not know where things lie, but all that decides the numbers", async () => {
  const study = tinyStudy();
  const here = await hashesOf(study, "/here");
  assert.deepEqual(await hashesOf(study, "/there"), here);
  assert.equal(new Set(here.values()).size, here.size);

  const changed = (other: Map<string, string>) =>
    [...here].filter(([id, hash]) => other.get(id) !== hash).map(([id]) => id);
  assert.deepEqual(changed(await hashesOf(study, "/here", "other pictures")), [...here.keys()]);

  // Another tokenizer changes what is trained with it, and what is trained on that.
  const { pictures } = study.datasets;
  const tokenizer = { ...pictures.tokenizer, "codebook.decay": 0.9 };
  const datasets = { ...study.datasets, pictures: { ...pictures, tokenizer } };
  const after = changed(await hashesOf({ ...study, datasets }, "/here"));
  assert.deepEqual(after, [...here.keys()].filter((id) => /tokenizer|vqkd/.test(id)));

  // A value that is written out as the schema has it anyway changes nothing; nor do workers.
  const common = { ...study.common, "data.exif": false, "data.workers": 1 };
  assert.deepEqual(await hashesOf({ ...study, common }, "/here"), here);
});
