import assert from "node:assert/strict";
import { createBackend } from "../../../../backends/mod.ts";
import {
  latestCheckpoint,
  loadCheckpoint,
  saveCheckpoint,
} from "../../../../checkpoints/store/store.ts";
import { resolveConfig } from "../../../../methods/configs.ts";
import type { NamedValues } from "../../../../models/parameter_set.ts";
import { DivergenceError } from "../../../../pipeline/engine/training/divergence.ts";
import { linearProbe } from "../../../../methods/probe/method.ts";
import { readValues, toTensors } from "../../../../pipeline/weights/model_tensors.ts";
import { trainTokenizer } from "../../../../methods/vqkd/method.ts";
import { withFolder } from "../../../tasks/_tiny.ts";
import { writeTinyData, writeTinyModel } from "../../../tasks/_tiny_model.ts";
import { tinyTokenizerConfig } from "../../../tasks/_tiny_tokenizer.ts";

type Values = Map<string, NamedValues>;

async function readGroup(directory: string, group: string): Promise<Values> {
  const file = await loadCheckpoint(directory).open(group);
  try {
    return await readValues(file);
  } finally {
    file.close();
  }
}

/** Changes the last checkpoint of a run; gives its model. */
async function spoil(
  run: string,
  [group, name]: [group: string, name: string],
  value: number,
): Promise<Values> {
  const { directory, groups, step, state } = loadCheckpoint(
    latestCheckpoint(run).checkpoint!.directory,
  );
  const values = new Map<string, Values>();
  for (const group of groups) values.set(group, await readGroup(directory, group));
  values.get(group)!.get(name)!.values[0] = value;
  const tensors = Object.fromEntries([...values].map(([group, own]) => [group, toTensors(own)]));
  await saveCheckpoint(run, step, { tensors, state });
  return values.get("model")!;
}

function assertSame(found: Values, expected: Values, names: RegExp): void {
  const compared = [...expected].filter(([name]) => names.test(name));
  assert.ok(compared.length > 0);
  for (const [name, { values }] of compared) {
    assert.deepEqual(found.get(name)!.values, values, name);
  }
}

async function diverge(run: Promise<unknown>): Promise<string> {
  const error = await run.then(() => null, (error) => error);
  assert.ok(error instanceof DivergenceError, `${error}`);
  assert.ok(error.bundle !== null);
  return error.bundle;
}

/** A new config with so many steps. */
const atMost = <Config extends { schedule: object }>(config: Config, maxSteps: number): Config => ({
  ...config,
  schedule: { ...config.schedule, maxSteps },
});

Deno.test("a tokenizer's codebook stays as it was in a step that is not finite, and in its bundle", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyTokenizerConfig(["precision=float32", "microBatchSize=4"]);
    const directory = `${folder}/run`;
    await trainTokenizer(atMost(config, 5), { backend, directory });
    const before = await spoil(directory, ["model", "encoder.patch_embed.proj.bias"], NaN);
    const bundle = await diverge(trainTokenizer(config, { backend, directory }));
    assertSame(await readGroup(bundle, "parameters"), before, /^quantize\./);
  });
});

Deno.test("a step that mixed precision skips leaves the codebook as it was", async () => {
  await withFolder(async (folder) => {
    const { backend } = await createBackend("reference");
    const config = await tinyTokenizerConfig([
      "precision=amp",
      "backend.name=reference",
      "model.depth=1",
      "batchSize=2",
    ]);
    const directory = `${folder}/run`;
    await trainTokenizer(atMost(config, 2), { backend, directory });
    const before = await spoil(directory, ["optimizer", "scaler"], 2 ** 100);
    const skipped: boolean[] = [];
    await trainTokenizer(atMost(config, 4), {
      backend,
      directory,
      listener: (event) => event.type === "step" && skipped.push(event.metrics.skipped),
    });
    await backend.dispose();
    assert.deepEqual(skipped, [true, true]);
    const { checkpoint } = latestCheckpoint(directory);
    assert.equal(checkpoint!.step, 4);
    assertSame(await readGroup(checkpoint!.directory, "model"), before, /./);
  });
});

for (const optimizer of ["adamw", "lars"]) {
  Deno.test(`a probe with ${optimizer} keeps running statistics of before a step that is not finite`, async () => {
    await withFolder(async (folder, backend) => {
      const { config } = await resolveConfig({
        task: "linearProbe",
        overrides: [
          `pretrained=${await writeTinyModel(folder)}`,
          `data.source=${writeTinyData(folder)}`,
          `probe.optimizer=${optimizer}`,
          "probe.batchNorm=true",
          "data.workers=0",
          "augment.size=16",
          "batchSize=6",
          "probe.epochs=4",
          "probe.lr=0.02",
          "checkpoint.everySteps=5",
          "backend.name=cpu",
          "backend.threads=1",
        ],
      });
      const directory = `${folder}/run`;
      const stop = new AbortController();
      await linearProbe(config, {
        backend,
        directory,
        signal: stop.signal,
        listener: (event) => event.type === "step" && event.metrics.step === 5 && stop.abort(),
      });
      const before = await spoil(directory, ["model", "layer0.cls.weight"], NaN);
      const bundle = await diverge(linearProbe(config, { backend, directory }));
      assertSame(await readGroup(bundle, "parameters"), before, /./);
    });
  });
}
