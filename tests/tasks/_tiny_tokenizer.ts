/** A tokenizer of a few thousand parameters that trains in a second. */
import { resolveConfig } from "../../methods/configs.ts";
import type { TokenizerConfig } from "../../methods/vqkd/config.ts";
import type { StepMetrics } from "../../pipeline/engine/events.ts";
import { type TokenizerOptions, trainTokenizer } from "../../methods/vqkd/method.ts";

/** What makes the quick start's tokenizer tiny. */
export const tinyTokenizerOverrides: readonly string[] = [
  "model.imageSize=16",
  "model.embedDim=16",
  "model.depth=1",
  "model.heads=2",
  "model.mlpRatio=2",
  "codebook.codes=32",
  "codebook.codeDim=4",
  "codebook.restartIdleSteps=3",
  "codebook.usageWindow=5",
  "teacher.hog.fitImages=40",
  "teacher.hog.localComponents=8",
  "teacher.hog.globalComponents=4",
  "batchSize=8",
  "schedule.steps=12",
  "evaluation.rankMe.atEnd=false",
  "checkpoint.everySteps=5",
  "data.workers=0",
  "data.cacheBytes=0",
  "backend.name=cpu",
  "backend.threads=1",
];

/** A tiny config on the bundled pictures. */
export async function tinyTokenizerConfig(
  overrides: readonly string[] = [],
): Promise<TokenizerConfig> {
  const { config } = await resolveConfig({
    task: "tokenizer",
    overrides: [...tinyTokenizerOverrides, ...overrides],
  });
  return config;
}

/** Trains and gives the metrics of each step. */
export async function stepsOf(
  config: TokenizerConfig,
  options: TokenizerOptions,
): Promise<StepMetrics[]> {
  const found: StepMetrics[] = [];
  await trainTokenizer(config, {
    ...options,
    listener(event) {
      if (event.type === "step") found.push(event.metrics);
      options.listener?.(event);
    },
  });
  return found;
}

/** The figures of steps that must be bitwise the same in runs that are the same. */
export function figuresOf(steps: readonly StepMetrics[]): unknown[] {
  return steps.map((metrics) => {
    const { stepTime: _, dataTime: _1, stages: _2, imagesPerSecond: _3, ...figures } = metrics;
    return figures;
  });
}
