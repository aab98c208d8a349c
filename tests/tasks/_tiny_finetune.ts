/** A fine-tuning config of a second, and its losses. */
import type { FinetuneConfig } from "../../methods/classify/config.ts";
import { resolveConfig } from "../../methods/configs.ts";
import {
  finetune,
  type FinetuneOptions,
  type FinetuneResult,
} from "../../methods/classify/method.ts";

/** Twelve steps on the images of `writeTinyData`. */
export async function tinyFinetune(
  data: string,
  overrides: readonly string[] = [],
): Promise<FinetuneConfig> {
  const { config } = await resolveConfig({
    task: "finetune",
    overrides: [
      `data.source=${data}`,
      "data.workers=0",
      "data.cacheBytes=0",
      "model.imageSize=16",
      "model.embedDim=16",
      "model.depth=2",
      "model.heads=2",
      "model.mlpRatio=2",
      "augment.testResize=18",
      "batchSize=6",
      "schedule.steps=12",
      "evaluateEveryEpochs=1",
      "checkpoint.everySteps=5",
      "backend.name=cpu",
      "backend.threads=1",
      ...overrides,
    ],
  });
  return config;
}

/** Runs a config; gives the losses step by step and the result. */
export async function runFinetune(
  config: FinetuneConfig,
  options: FinetuneOptions,
): Promise<{ losses: number[]; result: FinetuneResult }> {
  const losses: number[] = [];
  const result = await finetune(config, {
    ...options,
    listener(event) {
      if (event.type === "step") losses.push(event.metrics.loss);
      options.listener?.(event);
    },
  });
  return { losses, result };
}
