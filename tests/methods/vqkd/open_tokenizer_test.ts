import assert from "node:assert/strict";
import { UserError } from "../../../core/errors.ts";
import { pretrain, type PretrainOptions } from "../../../methods/beit/method.ts";
import { planPretraining } from "../../../methods/beit/plan.ts";
import type { PretrainConfig } from "../../../methods/beit/config.ts";
import { tinyConfig, withFolder, writeTinyTokenizer } from "../../tasks/_tiny.ts";

async function losses(config: PretrainConfig, options: PretrainOptions): Promise<number[]> {
  const found: number[] = [];
  const listener: PretrainOptions["listener"] = (event) => {
    if (event.type === "step") found.push(event.metrics.loss);
  };
  await pretrain(config, { ...options, listener });
  return found;
}

Deno.test("pretraining against k-means on pixels learns, and resumes exactly", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig("pixels", ["optimizer.lr=1e-2"]);
    const whole = await losses(config, { backend });
    assert.ok(whole[11] < whole[0], `${whole}`);
    const directory = `${folder}/run`;
    const start = { ...config, schedule: { ...config.schedule, maxSteps: 5 } };
    const first = await losses(start, { backend, directory });
    assert.deepEqual([...first, ...await losses(config, { backend, directory })], whole);
    const vqkd = await losses(await tinyConfig(await writeTinyTokenizer(folder)), { backend });
    assert.notDeepEqual(vqkd, whole);
  });
});

Deno.test("no tensor is left over after pretraining against pixels", async () => {
  await withFolder(async (_, backend) => {
    const config = await tinyConfig("pixels", ["schedule.steps=2"]);
    await pretrain(config, { backend });
    const before = backend.memory().tensors;
    await pretrain(config, { backend });
    assert.equal(backend.memory().tensors, before);
  });
});

Deno.test("a plan against pixels has no tokenizer's parameters", async () => {
  const plan = await planPretraining(await tinyConfig("pixels"));
  assert.equal(plan.tokenizerParameters, 0);
});

Deno.test("pixels that cannot be cut, or should drift, are mistakes", async () => {
  await withFolder(async (_, backend) => {
    const fails = async (override: string, message: RegExp) => {
      const config = await tinyConfig("pixels", [override]);
      await assert.rejects(pretrain(config, { backend }), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    };
    await fails("augment.tokenizerSize=18", /18 px into 4 patches/);
    await fails("tokenizer.updatesDuringPretraining=true", /updatesDuringPretraining=false/);
  });
});
