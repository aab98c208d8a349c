/** A segmentation config of a few seconds, and its losses. */
import type { SegmentConfig } from "../../methods/segment/config.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { segment, type SegmentOptions, type SegmentResult } from "../../methods/segment/method.ts";

/** Twelve steps on made pictures, or what `overrides` say. */
export async function tinySegment(overrides: readonly string[] = []): Promise<SegmentConfig> {
  const { config } = await resolveConfig({
    task: "segment",
    overrides: [
      "data.workers=0",
      "model.imageSize=16",
      "augment.size=16",
      "augment.resize=[64,24]",
      "augment.stride=12",
      "model.embedDim=16",
      "model.depth=2",
      "model.heads=2",
      "model.mlpRatio=2",
      "model.layerScaleInitValue=1",
      "segmentation.channels=8",
      "segmentation.auxiliaryChannels=4",
      "segmentation.outBlocks=[0,0,1,1]",
      "batchSize=4",
      "schedule.steps=12",
      "schedule.warmupSteps=2",
      "checkpoint.everySteps=5",
      "evaluateEverySteps=6",
      "backend.name=cpu",
      "backend.threads=1",
      ...overrides,
    ],
  });
  return config;
}

/** Runs a config; gives the losses step by step and the result. */
export async function runSegment(
  config: SegmentConfig,
  options: SegmentOptions,
): Promise<{ losses: number[]; result: SegmentResult }> {
  const losses: number[] = [];
  const result = await segment(config, {
    ...options,
    listener(event) {
      if (event.type === "step") losses.push(event.metrics.loss);
      options.listener?.(event);
    },
  });
  return { losses, result };
}
