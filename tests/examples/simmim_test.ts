import assert from "node:assert/strict";
import { createApp } from "../../cli/serve/app.ts";
import { RunLibrary } from "../../cli/serve/run_library.ts";
import { simmim } from "../../examples/simmim.ts";
import { replayFailure } from "../../methods/replay.ts";
import { runMethod } from "../../pipeline/engine/run_method.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { DivergenceError } from "../../pipeline/engine/training/divergence.ts";
import { knn } from "../../tasks/knn.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";
import { groupOf, killExample, lossesOf, runExample, textOf } from "./_run_example.ts";

const evaluated = ["schedule.steps=40", "evaluation.knn.atEnd=true"];

Deno.test("simmim.ts is one file of at most 150 lines that imports mod.ts alone", () => {
  const text = textOf("examples/simmim.ts");
  assert.ok(text.trimEnd().split("\n").length <= 150);
  const sources = [...text.matchAll(/^(?:import|export).* from "([^"]*)";$/gm)].map(([, from]) =>
    from
  );
  assert.deepEqual(new Set(sources), new Set(["../mod.ts"]));
  assert.doesNotMatch(text, /import\(/);
});

Deno.test("simmim.ts: trains on the bundled pictures, goes on bitwise after kill -9, is evaluated and shown", async () => {
  await withFolder(async (folder) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const [whole, killed] = [`${folder}/runs/whole`, `${folder}/runs/killed`];
    const said = await runExample("simmim", whole, tokenizer, evaluated);
    assert.match(said, /features[\s\S]*untrained[\s\S]*pixels[\s\S]*chance/);
    await killExample(17, "simmim", killed, tokenizer, evaluated);
    assert.ok(lossesOf(`${killed}/metrics.jsonl`).length < 40);
    await runExample("simmim", killed, tokenizer, evaluated);

    const losses = lossesOf(`${whole}/metrics.jsonl`);
    assert.equal(losses.length, 40);
    assert.deepEqual(lossesOf(`${killed}/metrics.jsonl`), losses);
    assert.deepEqual(await groupOf(killed, "model"), await groupOf(whole, "model"));
    assert.ok((await groupOf(whole, "model")).has("pixel_head.weight"));
    const mean = (part: typeof losses) =>
      part.reduce((sum, [, loss]) => sum + (loss as number), 0) / part.length;
    assert.ok(mean(losses.slice(-10)) < mean(losses.slice(0, 10)), "it learns");

    const result = JSON.parse(Deno.readTextFileSync(`${whole}/result.json`));
    const { features, untrained } = result.evaluation;
    assert.ok(features.knnTop1 > 0.1 && untrained.knnTop1 > 0.1, "both above chance");
    const page = Deno.readTextFileSync(`${whole}/report.html`);
    assert.match(page, /k-NN accuracy: .* the untrained network/);
    assert.match(page, /<td>method<\/td><td>simmim<\/td>/);
    assert.match(page, /class="status finished">[^<]*<\/span> <span class="faint">simmim ·/);

    const library = new RunLibrary(`${folder}/runs`);
    const app = createApp({ library, host: "127.0.0.1", pollSeconds: 1, now: () => 0 });
    const response = await app.request("http://127.0.0.1:1/api/runs", {
      headers: { host: "127.0.0.1:1" },
    });
    const runs = await response.json();
    assert.deepEqual(
      runs.map(({ id, method }: { id: string; method: string }) => [id, method]).sort(),
      [["killed", "simmim"], ["whole", "simmim"]],
    );
  });
});

Deno.test("simmim.ts: its run directory is a model for every command", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), ["schedule.maxSteps=2"]);
    const directory = `${folder}/run`;
    await runMethod(simmim, config, { backend, directory });
    const { top1 } = await knn({ checkpoint: directory, backend, baselines: false });
    assert.ok(top1 > 0.1);
  });
});

Deno.test("a run of an own method is not resumed by another of the same config", async () => {
  await withFolder(async (folder, backend) => {
    const tokenizer = await writeTinyTokenizer(folder);
    const config = await tinyConfig(tokenizer, ["schedule.maxSteps=2"]);
    const longer = await tinyConfig(tokenizer);
    const [own, plain] = [`${folder}/own`, `${folder}/plain`];
    await runMethod(simmim, config, { backend, directory: own });
    await pretrain(config, { backend, directory: plain });
    await assert.rejects(
      pretrain(longer, { backend, directory: own }),
      /its run is of the method simmim, and this is pretrain/,
    );
    await assert.rejects(
      runMethod(simmim, longer, { backend, directory: plain }),
      /its run is of the method pretrain, and this is simmim/,
    );
  });
});

Deno.test("a failed step of an own method is replayed by that method, and by no other", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), ["optimizer.lr=1e30"]);
    let bundle: string | null = null;
    await assert.rejects(
      runMethod(simmim, config, { backend, directory: `${folder}/run` }),
      (error) => {
        bundle = (error as DivergenceError).bundle;
        return error instanceof DivergenceError;
      },
    );
    const { isSame } = await replayFailure(bundle!, { backend, method: simmim });
    assert.ok(isSame);
    await assert.rejects(
      replayFailure(bundle!, { backend }),
      /the run is of the method simmim, and this is pretrain.*replayFailure\(bundle, \{ method \}\)/,
    );
    const { reopen: _, ...without } = simmim;
    await assert.rejects(
      replayFailure(bundle!, { backend, method: without }),
      /the method simmim has no `reopen`/,
    );
  });
});
