import assert from "node:assert/strict";
import type { Backend, Context } from "../../../../backends/backend.ts";
import { resolveConfig } from "../../../../methods/configs.ts";
import { UserError } from "../../../../core/errors.ts";
import { requireRoom } from "../../../../pipeline/engine/planning/require_room.ts";
import { linearProbe } from "../../../../methods/probe/method.ts";
import { trainTokenizer } from "../../../../methods/vqkd/method.ts";
import type { ModelFootprint } from "../../../../pipeline/engine/planning/plan.ts";
import { withFolder } from "../../../tasks/_tiny.ts";
import { writeTinyData, writeTinyModel } from "../../../tasks/_tiny_model.ts";
import { tinyTokenizerOverrides } from "../../../tasks/_tiny_tokenizer.ts";

/** 100 million parameters: 1.6 GB of weights, gradients and moments, 2 GB with accumulated gradients. */
const model: ModelFootprint = {
  parameters: 1e8,
  frozenParameters: 0,
  tokens: 197,
  embedDim: 768,
  mlpRatio: 4,
  blocks: 12,
};
const backend = { memory: null };
const config = { batchSize: 64, microBatchSize: "auto", recompute: 0, backend } as const;

function on(capabilities: object): Context {
  return { backend: { name: "cpu", capabilities } as Backend, precision: "float32" };
}

const host = on({ isHostMemory: true, memoryBytes: 16 * 2 ** 30 });

function refusal(...args: Parameters<typeof requireRoom>): string {
  try {
    requireRoom(...args);
  } catch (error) {
    if (error instanceof UserError) return error.message;
    throw error;
  }
  return "";
}

Deno.test("a run that fits with one image at a time is begun, and where nothing is known", () => {
  assert.equal(refusal(config, model, host, 3e9), "");
  assert.equal(refusal(config, model, host, undefined), "");
  assert.equal(refusal(config, { ...model, parameters: 1e12 }, on({}), 1e9), "");
});

Deno.test("a run is held against the machine, the backend's memory and backend.memory", () => {
  assert.match(
    refusal(config, model, host, 1e9),
    /^Cannot start this run: steps of 1 image at a time take 2\.\d+ GB \(weights 0\.4 GB, .*\), this machine or its container has 1 GB; lower model.embedDim or model.depth, or take more memory$/,
  );
  assert.match(
    refusal(config, { ...model, parameters: 2e9 }, host, 1e12),
    /, the cpu backend can address 17.2 GB; /,
  );
  const bounded = { ...config, backend: { memory: 1 } };
  assert.match(
    refusal(bounded, model, on({}), 1e12),
    /, backend.memory allows 1.07 GB; /,
  );
});

Deno.test("the hint is what would fit: fewer images, or blocks that run again", () => {
  const many = { ...config, microBatchSize: 64 };
  assert.match(refusal(many, model, host, 3e9), /; give --micro-batch auto, or fewer images$/);
  const wide = { ...model, tokens: 4097 };
  assert.match(refusal(config, wide, host, 3.5e9), /; give --micro-batch 1 --recompute 12$/);
});

Deno.test("a probe counts its frozen encoder, a tokenizer its teacher", async () => {
  await withFolder(async (folder, backend) => {
    const model = await writeTinyModel(folder);
    const data = `data.source=${writeTinyData(folder)}`;
    const small = ["data.workers=0", "augment.size=16", "batchSize=4", "schedule.maxSteps=1"];
    const options = { backend, memoryLimitBytes: 1000 };
    const { config: probe } = await resolveConfig({
      task: "linearProbe",
      overrides: [data, `pretrained=${model}`, ...small.slice(0, 3)],
    });
    await assert.rejects(linearProbe(probe, options), /take .*\(frozen .*has 0\.000001 GB/);

    const taught = ["teacher.name=beit", `teacher.checkpoint=${model}`];
    const plannedWith = async (overrides: string[]) => {
      const { config } = await resolveConfig({
        task: "tokenizer",
        overrides: [...tinyTokenizerOverrides, data, ...small, ...overrides],
      });
      const notes: string[] = [];
      await trainTokenizer(config, {
        backend,
        listener: (event) =>
          event.type === "note" && notes.push(`${event.message}: ${event.detail}`),
      });
      return notes.find((note) => note.startsWith("Planned memory")) ?? "";
    };
    assert.match(await plannedWith(taught), /frozen/);
    assert.doesNotMatch(await plannedWith(["teacher.hog.localComponents=1"]), /frozen [2-9]/);
  });
});
