import assert from "node:assert/strict";
import { parseConfig } from "../../../methods/configs.ts";
import { finetunePassCost, pretrainCost, tokenizerPassCost } from "../../../bench/study/compute.ts";

Deno.test("an image pass of ViT-B/16 costs what the papers say", () => {
  // 17.6 G multiply–adds forward at 224 px (timm's count, with its classifier).
  const forward = finetunePassCost(parseConfig({ task: "finetune" })) / 3;
  assert.ok(Math.abs(forward / 17.6e9 - 1) < 0.01, `${forward}`);
});

Deno.test("aggregation, head and tokenizer add to an image pass of pretraining", () => {
  const pretrain = parseConfig({ task: "pretrain" });
  const plain = parseConfig({ task: "pretrain", model: { headLayers: 0 } });
  const tokenizer = parseConfig({ task: "tokenizer" });
  const once = { passes: 1, images: 1 };
  const [whole, without] = [pretrain, plain].map((config) => pretrainCost(config, once, null));
  // Two of fourteen blocks, and one of two heads over 75 masked patches and 8192 codes.
  assert.ok(without < whole * 12 / 14 && without > whole * 0.8, `${without / whole}`);
  const frozen = pretrainCost(pretrain, once, tokenizer) - whole;
  const { model } = tokenizer;
  assert.ok(frozen > 0 && 3 * frozen < tokenizerPassCost(tokenizer));
  assert.equal(model.depth, 12);
});

Deno.test("where crops repeat, the codes of each are counted once", () => {
  const config = (cropsPerImage: number | null) =>
    parseConfig({ task: "pretrain", augment: { cropsPerImage } });
  const tokenizer = parseConfig({ task: "tokenizer", method: "kMeans" });
  const codes = (cropsPerImage: number | null, passes: number) => {
    const of = { passes, images: 10 };
    const [taught, plain] = [tokenizer, null].map((tokenizer) =>
      pretrainCost(config(cropsPerImage), of, tokenizer, 1e9)
    );
    return (taught - plain) / 1e9;
  };
  assert.deepEqual([codes(null, 60), codes(2, 60), codes(2, 15)], [60, 20, 15]);
});
