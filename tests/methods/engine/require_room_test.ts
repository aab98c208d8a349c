import assert from "node:assert/strict";
import type { Backend, Context } from "../../../backends/backend.ts";
import { UserError } from "../../../core/errors.ts";
import { requireRoom } from "../../../methods/engine/require_room.ts";
import type { ModelFootprint } from "../../../pipeline/plan.ts";

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
