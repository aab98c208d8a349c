/**
 * Compares pretraining in mixed precision with float32 on `webgpu`: the first steps of the quick start,
 * with the same images, masks and weights, and the distance between the two loss curves.
 *
 * Two runs that differ by next to nothing diverge in any precision: AdamW's first updates follow the
 * signs of gradients, however small. Mixed precision is therefore compared with two controls in float32:
 * `nudged` starts with layer scales larger by 2⁻¹² of their value, half the largest relative error of
 * rounding to float16; `brighter` has images whose brightness differs by at most 1/1000 at each step.
 *
 *     deno run -A bench/webgpu/amp_loss.ts [steps 200] [key=value ...]
 *
 * Config keys apply to all the runs, to give a slow device less work.
 *
 * @module
 */

import { createWebgpuBackend } from "../../backends/webgpu/mod.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { keep } from "../report.ts";

/** The changes to the quick start, for each run. */
const variants = {
  float32: ["precision=float32"],
  amp: ["precision=amp"],
  nudged: ["precision=float32", `model.layerScaleInitValue=${0.1 * (1 + 2 ** -12)}`],
  brighter: ["precision=float32", "augment.jitter.brightness=0.201"],
};

/** Window of steps whose mean loss gives the smooth curve. */
const WINDOW = 20;

/** Irrespective of length: only losses matter here. */
const common = ["knn.atEnd", "linear.atEnd", "baselines"].map((key) => `evaluation.${key}=false`);

const [stepsText = "200", ...overrides] = Deno.args;
const steps = Number(stepsText);

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
    overrides: [`schedule.maxSteps=${steps}`, ...common, ...overrides, ...variants[name]],
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

/** Moving average over `WINDOW` values. */
function smooth(values: readonly number[]): number[] {
  const width = Math.min(WINDOW, values.length);
  return Array.from({ length: values.length - width + 1 }, (_, first) => {
    return values.slice(first, first + width).reduce((sum, value) => sum + value, 0) / width;
  });
}

/** Relative distances between two curves. */
function distances(from: readonly number[], to: readonly number[]): number[] {
  return from.map((value, index) => Math.abs(to[index] / value - 1));
}

/** Distance of a curve from float32's. */
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
const others = {
  amp: await run("amp"),
  nudged: await run("nudged"),
  brighter: await run("brighter"),
};
const differences = Object.entries(others).map(([name, curve]) => [name, compare(full, curve)]);
const curves = Object.entries({ float32: full, ...others });
const summary = {
  adapter: full.adapter,
  steps,
  window: WINDOW,
  overrides,
  variants,
  fromFloat32: Object.fromEntries(differences),
};
console.log(JSON.stringify(summary, null, 2));
const losses = Object.fromEntries(curves.map(([name, { losses }]) => [name, losses]));
await keep("webgpu_amp_loss", { ...summary, losses });
