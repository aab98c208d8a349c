import assert from "node:assert/strict";
import { vitBase } from "../../models/beit_config.ts";
import { classifierConfig, classifierSpecs } from "../../models/classifier.ts";
import { countTrainable, type ParameterSpec } from "../../models/parameter_set.ts";
import { maskedImageModelSpecs } from "../../models/masked_image_model.ts";
import { vqkdBase } from "../../models/vqkd_config.ts";
import { vqkdSpecs } from "../../models/vqkd_tokenizer.ts";

/** Keys and shapes of the reference's state dict; index buffers are no parameters here. */
async function referenceKeys(name: string): Promise<[string, number[]][]> {
  const url = new URL(`../fixtures/keys/keys_${name}.json`, import.meta.url);
  const { keys } = JSON.parse(await Deno.readTextFile(url)) as {
    keys: Record<string, [number[], string]>;
  };
  return Object.entries(keys)
    .filter(([key]) => !key.endsWith("relative_position_index"))
    .map(([key, [shape]]) => [key, shape]);
}

function keysOf(specs: ParameterSpec[]): [string, number[]][] {
  return specs.map((spec) => [spec.name, [...spec.shape]]);
}

Deno.test("ViT-B/16 has the names, shapes, order and number of parameters of the reference", async () => {
  const pretraining = maskedImageModelSpecs(vitBase);
  assert.equal(countTrainable(pretraining), 106_143_056);
  assert.deepEqual(keysOf(pretraining), await referenceKeys("unilm_pretrain_vitb"));

  const finetuning = classifierSpecs(classifierConfig(vitBase, 1000));
  assert.equal(countTrainable(finetuning), 86_530_984);
  assert.deepEqual(keysOf(finetuning), await referenceKeys("unilm_finetune_vitb"));
});

Deno.test("the published tokenizer has the names and shapes of the reference", async () => {
  const unused = ["quantize.embedding.cluster_size", "quantize.embedding.embed_avg"];
  const reference = (await referenceKeys("unilm_vqkd_3x768x12_clip"))
    .filter(([key]) => !unused.includes(key));
  const ours = keysOf(vqkdSpecs(vqkdBase)).filter(([key]) => key !== "quantize.idle_steps");
  assert.deepEqual(new Map(ours), new Map(reference));
  // unilm counts 109.36 million, with the codebook and the two unused buffers.
  const withCodebook = countTrainable(vqkdSpecs(vqkdBase)) + 8192 * (2 * 32 + 1);
  assert.equal((withCodebook / 1e6).toFixed(2), "109.36");
});
