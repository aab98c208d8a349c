import assert from "node:assert/strict";
import { parseConfig } from "../../../methods/configs.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import { UserError } from "../../../core/errors.ts";

Deno.test("another image size takes back what a recipe wrote for its own", async () => {
  const { config } = await resolveConfig({ task: "finetune", overrides: ["model.imageSize=64"] });
  assert.deepEqual([config.augment.size, config.augment.testResize], [64, 73]);
  const large = await resolveConfig({
    task: "finetune",
    recipe: "vit-base-p16_ft-8xb128-coslr-100e_in1k",
    overrides: ["model.imageSize=384"],
  });
  assert.deepEqual([large.config.augment.size, large.config.augment.testResize], [384, 439]);
  assert.equal(large.origins.get("augment.testResize"), "derived from augment.size");
});

Deno.test("the size that a recipe has anyway changes nothing", async () => {
  const own = await resolveConfig({ task: "finetune" });
  const same = await resolveConfig({ task: "finetune", overrides: ["model.imageSize=32"] });
  assert.equal(own.config.augment.testResize, 32);
  assert.deepEqual(same.config, own.config);
});

Deno.test("what was given for this run stands beside a size given after it", async () => {
  const { config } = await resolveConfig({
    task: "finetune",
    overrides: ["augment.testResize=70", "model.imageSize=64"],
  });
  assert.equal(config.augment.testResize, 70);
});

Deno.test("an edge smaller than the crop is refused, with the value to take", async () => {
  const resolving = resolveConfig({
    task: "finetune",
    overrides: ["augment.testResize=32", "model.imageSize=64"],
  });
  await assert.rejects(resolving, (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /"augment.testResize".*at least augment.size, 64.*found 32/);
    assert.match(error.message, /augment.testResize=73$/);
    return true;
  });
});

Deno.test("segmentation fits images and its window to another size", async () => {
  const { config } = await resolveConfig({ task: "segment", overrides: ["model.imageSize=64"] });
  const { size, resize, stride } = config.augment;
  assert.deepEqual([size, resize, stride], [64, [256, 64], 42]);
  assert.throws(
    () => parseConfig({ task: "segment", model: { imageSize: 64 }, augment: { stride: 65 } }),
    /"augment.stride".*at most the window's size, augment.size, 64, found 65/,
  );
});

Deno.test("masks follow the patch grid", async () => {
  const pretraining = async (...overrides: string[]) =>
    (await resolveConfig({ task: "pretrain", overrides })).config.mask;
  const few = await pretraining("model.patchSize=16");
  assert.deepEqual([few.maskedPatches, few.minBlock, few.maxBlock], [1, 1, 1]);
  const many = await pretraining("model.imageSize=64");
  assert.deepEqual([many.maskedPatches, many.minBlock, many.maxBlock], [102, 16, 102]);
  const { config } = await resolveConfig({
    recipe: "beitv2_vit-base-p16_8xb256-amp-coslr-300e_in1k",
    task: "pretrain",
    overrides: ["model.imageSize=384"],
  });
  assert.equal(config.mask.maskedPatches, Math.floor(0.4 * 24 * 24));
  assert.equal(config.augment.tokenizerSize, 384);
});
