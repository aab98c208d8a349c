import assert from "node:assert/strict";
import { ownLoss } from "../../examples/own_loss.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { groupOf, killExample, lossesOf, runExample, textOf } from "./_run_example.ts";

Deno.test("own_loss.ts is one file of at most 60 lines", () => {
  assert.ok(textOf("examples/own_loss.ts").trimEnd().split("\n").length <= 60);
});

Deno.test("own_loss.ts: its head moves, is saved, and goes on bitwise after kill -9", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const [whole, killed] = [`${folder}/whole`, `${folder}/killed`];
    const steps = ["schedule.steps=40"];
    await runExample("own_loss", whole, tokenizer, steps);
    await killExample(17, "own_loss", killed, tokenizer, steps);
    await runExample("own_loss", killed, tokenizer, steps);
    assert.deepEqual(lossesOf(`${killed}/metrics.jsonl`), lossesOf(`${whole}/metrics.jsonl`));
    const last = await groupOf(whole, "model");
    assert.deepEqual(await groupOf(killed, "model"), last);

    // The weights before the first step: it is resumed from after one that did not learn.
    const config = await tinyConfig(tokenizer, [
      ...["precision=float32", "schedule.maxSteps=1", "optimizer.weightDecay=0"],
      "optimizer.lr=1e-30",
    ]);
    await pretrain(config, {
      backend,
      directory: `${folder}/start`,
      stages: ({ model }) => ({ loss: ownLoss(model, config) }),
    });
    const first = await groupOf(`${folder}/start`, "model");
    for (const name of ["stages.loss.head.weight", "stages.loss.head.bias"]) {
      assert.notDeepEqual(last.get(name)!.values, first.get(name)!.values, `${name} moves`);
    }
    const moments = await groupOf(whole, "optimizer");
    assert.ok(moments.has("firstMoment.stages.loss.head.weight"));
  });
});
