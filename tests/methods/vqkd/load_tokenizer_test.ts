import assert from "node:assert/strict";
import { resolveConfig } from "../../../methods/configs.ts";
import {
  bundledTokenizers,
  requireFit,
  tokenizerNameOf,
  tokenizerSize,
} from "../../../methods/vqkd/load_tokenizer.ts";
import type { StoredRun } from "../../../pipeline/images/preparation.ts";

Deno.test("the quick start's tokenizer is bundled and fits it, and so does that of earlier runs", async () => {
  const { config } = await resolveConfig({ task: "pretrain" });
  const own = config.tokenizer.checkpoint;
  assert.deepEqual(Object.keys(bundledTokenizers).sort(), [own, "vqkd_quickstart"].sort());
  for (const name of Object.keys(bundledTokenizers)) {
    const { size } = await tokenizerSize(name);
    requireFit(size, config.model, config.augment.tokenizerSize);
    // What it was taught by has a licence of its own.
    if (name === own) assert.match(await licenceOf(name), /Apache License, Version 2\.0/);
  }
});

Deno.test("a run's tokenizer is named to others if its name means the same there", () => {
  const nameOf = (checkpoint: string) =>
    tokenizerNameOf({ tokenizer: { checkpoint } } as StoredRun);
  for (const name of ["vqkd_lite0", "vqkd_quickstart", "vqkd_encoder"]) {
    assert.equal(nameOf(name), name);
  }
  for (const name of ["runs/tokenizer", "pixels", "toString"]) {
    assert.equal(nameOf(name), undefined);
  }
  assert.equal(tokenizerNameOf(null), undefined);
});

function licenceOf(name: string): Promise<string> {
  return Deno.readTextFile(new URL(`../../../assets/${name}.LICENSE.txt`, import.meta.url));
}
