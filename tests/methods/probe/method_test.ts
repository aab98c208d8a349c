import assert from "node:assert/strict";
import type { LinearProbeConfig } from "../../../methods/probe/config.ts";
import { resolveConfig } from "../../../methods/configs.ts";
import { UserError } from "../../../core/errors.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { linearProbe, type LinearProbeResult } from "../../../methods/probe/method.ts";
import { planLinearProbe } from "../../../methods/probe/plan.ts";
import { probeSchedule } from "../../../methods/probe/schedule.ts";
import type { RunOptions } from "../../../pipeline/engine/run_options.ts";
import { withFolder } from "../../tasks/_tiny.ts";
import { writeTinyData, writeTinyModel } from "../../tasks/_tiny_model.ts";

/** Four epochs of four steps. */
async function tinyProbe(folder: string, overrides: string[] = []): Promise<LinearProbeConfig> {
  const { config } = await resolveConfig({
    task: "linearProbe",
    overrides: [
      `pretrained=${await writeTinyModel(folder)}`,
      `data.source=${writeTinyData(folder)}`,
      "data.workers=0",
      "data.cacheBytes=0",
      "augment.size=16",
      "batchSize=6",
      "probe.epochs=4",
      "probe.lr=0.02",
      "checkpoint.everySteps=5",
      "backend.name=cpu",
      "backend.threads=1",
      ...overrides,
    ],
  });
  return config;
}

async function runProbe(
  config: LinearProbeConfig,
  options: RunOptions,
): Promise<{ losses: number[]; result: LinearProbeResult }> {
  const losses: number[] = [];
  const result = await linearProbe(config, {
    ...options,
    listener(event: RunEvent) {
      if (event.type === "step") losses.push(event.metrics.loss);
      options.listener?.(event);
    },
  });
  return { losses, result };
}

Deno.test("linearProbe() reports every block and token, and the best", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyProbe(folder);
    const { losses, result } = await runProbe(config, { backend });
    assert.equal(losses.length, 16);
    assert.ok(losses[15] < 0.8 * losses[0], losses.join());
    assert.deepEqual(
      result.layers.map(({ layer, token }) => `${layer}.${token}`),
      ["0", "1"].flatMap((layer) =>
        ["cls", "meanPatches", "clsAndMean"].map((token) => `${layer}.${token}`)
      ),
    );
    assert.ok(result.rankMe! > 1 && result.rankMe! <= 12, `${result.rankMe}`);
    assert.equal(result.top1, Math.max(...result.layers.map(({ top1 }) => top1)));
    assert.equal(result.top1, 1);
    assert.equal(result.best?.token, result.layers.find(({ top1 }) => top1 === 1)?.token);
  });
});

Deno.test("classifiers trained together are those trained alone", async () => {
  await withFolder(async (folder, backend) => {
    const all = await runProbe(await tinyProbe(folder), { backend });
    const overrides = ["probe.layers=[1]", "probe.tokens=[cls]"];
    const one = await runProbe(await tinyProbe(folder, overrides), { backend });
    const same = all.result.layers.find(({ layer, token }) => layer === 1 && token === "cls");
    assert.deepEqual(one.result.layers, [same]);
    assert.ok(one.losses[0] < all.losses[0]);
  });
});

for (const optimizer of ["adamw", "lars"] as const) {
  Deno.test(`a probe with ${optimizer} stopped after step 7 goes on bitwise`, async () => {
    await withFolder(async (folder, backend) => {
      const overrides = optimizer === "adamw" ? [] : [
        "probe.optimizer=lars",
        "probe.batchNorm=true",
        "probe.warmupEpochs=1",
        "probe.lr=2",
        "probe.weightDecay=0",
      ];
      const config = await tinyProbe(folder, overrides);
      const whole = await runProbe(config, { backend });
      assert.ok(whole.losses[15] < whole.losses[0]);
      const directory = `${folder}/run`;
      const stop = new AbortController();
      const first = await runProbe(config, {
        backend,
        directory,
        signal: stop.signal,
        listener: (event) => {
          if (event.type === "step" && event.metrics.step === 6) stop.abort();
        },
      });
      assert.equal(first.result.interrupted, true);
      assert.equal(first.result.top1, null);
      const rest = await runProbe(config, { backend, directory });
      assert.deepEqual([...first.losses, ...rest.losses], whole.losses);
      assert.deepEqual(rest.result.layers, whole.result.layers);
      const before = backend.memory().tensors;
      await runProbe(config, { backend });
      assert.equal(backend.memory().tensors, before);
    });
  });
}

Deno.test("BEiT's probe lowers the rate after each epoch, MAE's warms up step by step", async () => {
  await withFolder(async (folder) => {
    const config = await tinyProbe(folder);
    const length = { stepsPerEpoch: 4, scheduleSteps: 16, totalSteps: 16 };
    const byEpoch = probeSchedule(config, length);
    const rates = Array.from({ length: 16 }, (_, step) => byEpoch(step));
    assert.equal(new Set(rates).size, 4);
    assert.equal(rates[3], 0.02);
    assert.ok(Math.abs(rates[8] - 0.01) < 1e-12);
    const probe = { ...config.probe, warmupEpochs: 1 };
    const byStep = probeSchedule({ ...config, probe }, length);
    assert.equal(byStep(0), 0);
    assert.equal(byStep(3), 0.02);
  });
});

Deno.test("a probe is planned on its images and its model, and its mistakes are told", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyProbe(folder, ["data.labelFraction=0.5"]);
    const plan = await planLinearProbe(config);
    const { images, testImages, classes, classifiers, totalSteps } = plan;
    assert.deepEqual([images, testImages, classes, classifiers, totalSteps], [12, 12, 2, 6, 8]);
    const fails = async (changed: LinearProbeConfig, message: RegExp) =>
      await assert.rejects(linearProbe(changed, { backend }), (error: Error) => {
        assert.ok(error instanceof UserError, `${error.stack}`);
        assert.match(error.message, message);
        return true;
      });
    await fails({ ...config, pretrained: null }, /--checkpoint/);
    await fails({ ...config, probe: { ...config.probe, layers: [7] } }, /has 2 blocks/);
  });
});
