import assert from "node:assert/strict";
import { createImageDecoder } from "../../data/images/decode.ts";
import { mae } from "../../examples/mae.ts";
import { DivergenceError } from "../../pipeline/engine/training/divergence.ts";
import { replayFailure } from "../../methods/replay.ts";
import { runMethod } from "../../pipeline/engine/run_method.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { groupOf, killExample, lossesOf, runExample, textOf } from "./_run_example.ts";

const evaluated = ["schedule.steps=40", "evaluation.knn.atEnd=true"];
const plain = [
  ...["model.usesAbsolutePositions=true", "model.usesSharedRelativePositionBias=false"],
  "model.layerScaleInitValue=0",
];

Deno.test("mae.ts is one file that imports mod.ts alone", () => {
  const sources = [...textOf("examples/mae.ts").matchAll(/\bfrom "([^"]*)"|import\(/g)];
  assert.deepEqual(new Set(sources.map(([, from]) => from)), new Set(["../mod.ts"]));
});

Deno.test("mae.ts: learns, goes on bitwise after kill -9, is evaluated and has pictures", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const [whole, killed] = [`${folder}/whole`, `${folder}/killed`];
    const said = await runExample("mae", whole, tokenizer, evaluated);
    assert.match(said, /features[\s\S]*untrained[\s\S]*pixels[\s\S]*chance/);
    await killExample(17, "mae", killed, tokenizer, evaluated);
    assert.ok(lossesOf(`${killed}/metrics.jsonl`).length < 40);
    await runExample("mae", killed, tokenizer, evaluated);

    const losses = lossesOf(`${whole}/metrics.jsonl`);
    assert.equal(losses.length, 40);
    assert.deepEqual(lossesOf(`${killed}/metrics.jsonl`), losses);
    const last = await groupOf(whole, "model");
    assert.deepEqual(await groupOf(killed, "model"), last);
    for (const name of ["blocks.0.attn.qkv.weight", "decoder.mask_token", "decoder.head.weight"]) {
      assert.ok(last.has(name), name);
    }
    const mean = (part: typeof losses) =>
      part.reduce((sum, [, loss]) => sum + (loss as number), 0) / part.length;
    assert.ok(mean(losses.slice(-10)) < mean(losses.slice(0, 10)), "it learns");

    const page = Deno.readTextFileSync(`${whole}/report.html`);
    assert.match(page, /<span class="faint">mae ·/);
    assert.match(page, /Each predicted patch is drawn/);
    const addresses = page.matchAll(/data:image\/png;base64,([\w+/=]+)/g);
    const decoder = await createImageDecoder({ native: false });
    const [image, visible, predicted] = await Promise.all(
      [...addresses].slice(0, 3).map(async ([, text]) => {
        const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
        return (await decoder.decode(bytes, "picture")).data;
      }),
    );
    // What the encoder saw is drawn as it is, and the rest is not what it was.
    const at = [...image.keys()];
    const isSeen = (index: number) => visible[index] === image[index];
    assert.ok(at.filter(isSeen).every((index) => predicted[index] === image[index]));
    assert.ok(at.some((index) => !isSeen(index) && predicted[index] !== image[index]));
    assert.ok(at.filter((index) => predicted[index] === 255).length < 0.8 * at.length);
  });
});

Deno.test("mae.ts: micro-batches do not change its masks, and a failed step is replayed", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const losses: number[][] = [];
    for (const microBatch of [1, 2]) {
      const config = await tinyConfig(tokenizer, [
        ...[...plain, "precision=float32", "batchSize=2", "schedule.maxSteps=2"],
        `microBatchSize=${microBatch}`,
      ]);
      const seen: number[] = [];
      await runMethod(mae, config, {
        ...{ backend, directory: null },
        listener: (event) => void (event.type === "step" && seen.push(event.metrics.loss)),
      });
      losses.push(seen);
    }
    assert.equal(losses[0].length, 2);
    for (const [step, loss] of losses[0].entries()) {
      assert.ok(Math.abs(loss - losses[1][step]) < 1e-4, `${losses}`);
    }

    const config = await tinyConfig(tokenizer, [...plain, "optimizer.lr=1e30"]);
    let bundle: string | null = null;
    await assert.rejects(
      runMethod(mae, config, { backend, directory: `${folder}/run` }),
      (error) => {
        bundle = (error as DivergenceError).bundle;
        return error instanceof DivergenceError;
      },
    );
    assert.ok((await replayFailure(bundle!, { backend, method: mae })).isSame);
  });
});
