/**
 * Pretraining in mixed precision beside float32 on `webgpu`: the first steps of the quick start, with
 * the same pictures, masks and weights, and how far the two loss curves are apart.
 *
 * Two trainings that differ by next to nothing come apart, whatever their precision: AdamW's first
 * updates follow the signs of gradients, however small. Beside mixed precision there is therefore a
 * control, which is float32 as well and whose initial layer scales are larger by 2⁻¹² of their value:
 * half the most that rounding to float16 changes a number by.
 *
 *     deno run -A bench/webgpu/amp_loss.ts [steps 200]
 *
 * @module
 */

import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { resolveConfig } from "../../configs/resolve.ts";
import { pretrain } from "../../tasks/pretrain/pretrain.ts";
import { keep } from "../_report.ts";

/** What the quick start is changed by, for each run. */
const variants = {
  float32: ["precision=float32"],
  control: ["precision=float32", `model.layerScaleInitValue=${0.1 * (1 + 2 ** -12)}`],
  amp: ["precision=amp"],
};

/** Steps of which the mean loss is taken for a smooth curve. */
const WINDOW = 20;

const steps = Number(Deno.args[0] ?? 200);

interface Curve {
  readonly losses: number[];
  readonly skippedSteps: number;
  readonly lossScale: number;
  /** The GPU that it was computed on. */
  readonly adapter: string;
}

async function run(name: keyof typeof variants): Promise<Curve> {
  const { config } = await resolveConfig({
    task: "pretrain",
    overrides: [`schedule.maxSteps=${steps}`, ...variants[name]],
  });
  const backend = await createWebgpuBackend();
  const losses: number[] = [];
  let [skippedSteps, lossScale] = [0, 1];
  await pretrain(config, {
    backend,
    listener: (event) => {
      if (event.type !== "step") return;
      losses.push(event.metrics.loss);
      if (event.metrics.skipped) skippedSteps++;
      lossScale = event.metrics.lossScale;
      if (losses.length % 50 === 0) console.error(`${name}: ${losses.length} of ${steps} steps`);
    },
  });
  const { adapter } = backend;
  await backend.dispose();
  return { losses, skippedSteps, lossScale, adapter: adapter.description };
}

/** Means of `WINDOW` values that follow one another, at every place. */
function smooth(values: readonly number[]): number[] {
  const width = Math.min(WINDOW, values.length);
  return Array.from({ length: values.length - width + 1 }, (_, first) => {
    return values.slice(first, first + width).reduce((sum, value) => sum + value, 0) / width;
  });
}

/** Relative distances of a curve from another. */
function distances(from: readonly number[], to: readonly number[]): number[] {
  return from.map((value, index) => Math.abs(to[index] / value - 1));
}

/** How far a curve is from float32's. */
function compare(full: Curve, other: Curve) {
  const bySteps = distances(full.losses, other.losses);
  return {
    largestDifference: Math.max(...bySteps),
    meanDifference: bySteps.reduce((sum, value) => sum + value, 0) / steps,
    stepsOverTwoPerCent: bySteps.filter((value) => value > 0.02).length,
    largestDifferenceOfMeans: Math.max(...distances(smooth(full.losses), smooth(other.losses))),
    skippedSteps: other.skippedSteps,
    lossScale: other.lossScale,
  };
}

const full = await run("float32");
const control = await run("control");
const half = await run("amp");
const summary = {
  adapter: full.adapter,
  steps,
  window: WINDOW,
  variants,
  amp: compare(full, half),
  control: compare(full, control),
};
console.log(JSON.stringify(summary, null, 2));
await keep("webgpu_amp_loss", {
  ...summary,
  losses: { float32: full.losses, control: control.losses, amp: half.losses },
});
