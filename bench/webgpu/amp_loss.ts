/**
 * Pretraining in mixed precision beside float32 on `webgpu`: the same pictures, masks and weights, and
 * the largest distance between the two loss curves. Two runs of a small BEiT v2 on the bundled pictures
 * with the bundled tokenizer; the learning rate is the quick start's.
 *
 *     deno run -A bench/webgpu/amp_loss.ts [steps 200]
 *
 * @module
 */

import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { resolveConfig } from "../../configs/resolve.ts";
import type { StepMetrics } from "../../pipeline/events.ts";
import { pretrain } from "../../tasks/pretrain/pretrain.ts";
import { keep } from "../_report.ts";

const steps = Number(Deno.args[0] ?? 200);
const overrides = [
  `schedule.steps=${steps}`,
  "model.embedDim=64",
  "model.heads=2",
  "batchSize=8",
  "microBatchSize=8",
  "evaluation.knn.atEnd=false",
  "evaluation.linear.atEnd=false",
  "evaluation.baselines=false",
];

/** The loss of every step. */
async function run(precision: "float32" | "amp"): Promise<StepMetrics[]> {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [...overrides, `precision=${precision}`],
  });
  const backend = await createWebgpuBackend();
  const found: StepMetrics[] = [];
  await pretrain(config, {
    backend,
    listener: (event) => {
      if (event.type === "step") found.push(event.metrics);
    },
  });
  await backend.dispose();
  return found;
}

const full = await run("float32");
const half = await run("amp");
const differences = full.map(({ loss }, step) => Math.abs(half[step].loss / loss - 1));
const result = {
  overrides,
  steps,
  largestRelativeDifference: Math.max(...differences),
  meanRelativeDifference: differences.reduce((sum, value) => sum + value, 0) / steps,
  skippedSteps: half.filter(({ skipped }) => skipped).length,
  lossScale: half.at(-1)!.lossScale,
  float32: full.map(({ loss }) => loss),
  amp: half.map(({ loss }) => loss),
};
console.log(JSON.stringify({ ...result, float32: undefined, amp: undefined }, null, 2));
await keep("webgpu_amp_loss", result);
