import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { writeTinyTokenizer } from "./tasks/_tiny.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Every name that users may import; a change here is a change of the public API. */
const exported = `
BatchMaker BeitEncoder Classifier DivergenceError FeatureEvaluation Generator Loader MaskedImageModel
Optimizer Parameter ParameterScope ParameterSet Pipeline Tape UserError VqkdTokenizer affineSpecs
assertAllClose augment beitConfig block blockSpecs blockwiseMask classifierConfig conformanceCases
convertCheckpoint createBackend createImageDecoder createOptimizer encode encoderSpecs evaluate
evaluationTransform everyEpoch exportOnnxFile extractFeatures features finetune fixedImages
formatConformance imageTensor initialiseBeit initialiseFrom initialisePlain initialiseStage
inspectFile knn knnAccuracy latestCheckpoint layerNorm learningRateSchedule linear linearAccuracy
linearCrossEntropy linearProbe load loadCheckpoint loadEncoder loadTokenizer loaderQueue loss mask
maskColor maskOptions maskedPositions meanSquaredError messageOf mlflowLogger mmengineCosine
modelFootprint normalizations openModel openPth openSafetensors openSource optimize overPatches
parameterGroups parseConfig patchRows pipeline planPretraining poly predict pretrain
pretrainTask pretrainTransform recipeNames replayFailure resize resolveConfig resolveWeights runConformance
runLength runMethod saveCheckpoint segment selectRows shownOf sincosPositions stageQueue tf
tokenize tokenizeImages train trainTokenizer transformImage unilmCosine visualize vitBase vitLarge
vqkdBase wandbLogger withoutGradient writeSafetensors
`.trim().split(/\s+/).sort();

Deno.test("mod.ts exports what the list says", async () => {
  assert.deepEqual(Object.keys(await import("../mod.ts")).sort(), exported);
});

/** Serves the repository as a code host would. */
function serve(): { url: string; stop: () => Promise<void> } {
  const types: Record<string, string> = { ts: "application/typescript", json: "application/json" };
  const server = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen: () => {} },
    async (request) => {
      const path = new URL(request.url).pathname;
      try {
        const bytes = await Deno.readFile(root + path.slice(1));
        const type = types[path.split(".").at(-1)!] ?? "application/octet-stream";
        return new Response(bytes, { headers: { "content-type": type } });
      } catch {
        return new Response("not found", { status: 404 });
      }
    },
  );
  const { port } = server.addr;
  return { url: `http://127.0.0.1:${port}/mod.ts`, stop: () => server.shutdown() };
}

Deno.test("mod.ts imported by URL type-checks and pretrains on cpu and reference", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mimic-url-" });
  const { url, stop } = serve();
  try {
    const tokenizer = await writeTinyTokenizer(folder);
    const program = `
      import { pretrain, resolveConfig, type RunEvent } from "${url}";
      for (const name of ["cpu", "reference"]) {
        const { config } = await resolveConfig({
          task: "pretrain",
          overrides: [
            "tokenizer.checkpoint=${tokenizer}", "model.imageSize=16", "model.embedDim=16",
            "model.depth=3", "model.heads=2", "model.codes=32", "mask.minBlock=2", "batchSize=4",
            "schedule.maxSteps=2", "evaluation.knn.atEnd=false", "evaluation.linear.atEnd=false",
            "backend.name=" + name,
          ],
        });
        const { step, loss } = await pretrain(config, {
          listener: (event: RunEvent) => { if (event.type === "warning") throw new Error(event.message); },
        });
        console.log(name, step, loss! > 0);
      }`;
    await Deno.writeTextFile(`${folder}/main.ts`, program);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--check",
        "--no-lock",
        "--no-prompt",
        "--reload=http://127.0.0.1",
        "--allow-read",
        "--allow-net=127.0.0.1",
        `--allow-import=${new URL(url).host}`,
        "main.ts",
      ],
      cwd: folder,
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.equal(text, "cpu 2 true\nreference 2 true\n");
  } finally {
    await stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a linked clone is imported by its name, whole or as browser.ts", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mimic-link-" });
  try {
    await Deno.writeTextFile(`${folder}/deno.json`, JSON.stringify({ links: [root] }));
    await Deno.writeTextFile(
      `${folder}/main.ts`,
      `import * as all from "jsr:@mimic/mimic";
      import * as part from "jsr:@mimic/mimic/browser";
      const { backend } = await part.createBackend("cpu");
      console.log(backend.name, part.createBackend === all.createBackend, "pretrain" in part);`,
    );
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "--no-prompt", "--allow-read", "main.ts"],
      cwd: folder,
    }).output();
    const text = new TextDecoder().decode(stdout);
    assert.equal(text, "cpu true false\n", new TextDecoder().decode(stderr));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("browser.ts is bundled for a page without modules of Node", async () => {
  const { success, outputFiles } = await Deno.bundle({
    entrypoints: [root + "browser.ts"],
    platform: "browser",
    write: false,
  });
  assert.ok(success);
  assert.doesNotMatch(outputFiles![0].text(), /from "node:/);
});
