/**
 * Constraints between the keys of a config.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import { refuseInertKeys } from "./inert_keys.ts";
import type { Config } from "./schema.ts";
import { most } from "./sections/most.ts";

type Fail = (key: string, found: unknown, wanted: string, hint?: string) => never;

interface Sizes {
  imageSize: number;
  patchSize: number;
  embedDim: number;
  heads: number;
}

function checkTransformer(name: string, model: Sizes, fail: Fail): void {
  if (model.imageSize % model.patchSize !== 0) {
    fail(
      `${name}.patchSize`,
      model.patchSize,
      `a divisor of the image size ${model.imageSize}`,
      `for example --set ${name}.patchSize=${nearestDivisor(model.imageSize, model.patchSize)}`,
    );
  }
  const patches = (model.imageSize / model.patchSize) ** 2;
  if (patches > most.patches) {
    const side = Math.sqrt(most.patches);
    fail(
      `${name}.patchSize`,
      model.patchSize,
      `at least ${
        Math.ceil(model.imageSize / side)
      }, which gives ${most.patches} patches per image`,
    );
  }
  if (model.embedDim % model.heads !== 0) {
    fail(`${name}.heads`, model.heads, `a divisor of ${name}.embedDim, ${model.embedDim}`);
  }
}

function nearestDivisor(of: number, near: number): number {
  let best = 1;
  for (let divisor = 1; divisor <= of; divisor++) {
    if (of % divisor === 0 && Math.abs(divisor - near) < Math.abs(best - near)) best = divisor;
  }
  return best;
}

function checkPretrain(config: Extract<Config, { task: "pretrain" }>, fail: Fail): void {
  const { model, mask, evaluation } = config;
  if (model.headLayers > 0 && model.earlyLayers >= model.depth) {
    fail("model.earlyLayers", model.earlyLayers, `fewer than model.depth, ${model.depth}`);
  }
  const { stop } = evaluation;
  const kind = stop?.metric.startsWith("knn") ? "knn" : "linear";
  if (stop !== null && evaluation[kind].every === null) {
    const wanted =
      `a metric of an evaluation during training, but evaluation.${kind}.every is null`;
    fail("evaluation.stop.metric", stop.metric, wanted, `set evaluation.${kind}.every=1`);
  }
  const patches = (model.imageSize / model.patchSize) ** 2;
  if (mask.maskedPatches > patches) {
    fail("mask.maskedPatches", mask.maskedPatches, `at most the ${patches} patches of the grid`);
  }
  if (mask.ratio !== null && Math.max(1, Math.floor(mask.ratio * patches)) !== mask.maskedPatches) {
    const share = `mask.ratio ${mask.ratio} of ${patches} patches`;
    fail("mask.maskedPatches", mask.maskedPatches, share, "give only one of the two");
  }
  if (mask.minBlock > mask.maxBlock) {
    fail("mask.minBlock", mask.minBlock, `at most mask.maxBlock, ${mask.maxBlock}`);
  }
}

/** Whether a run with early stopping is evaluated during training. */
function checkSegmentStop(config: Extract<Config, { task: "segment" }>, fail: Fail): void {
  const { evaluation: { stop }, evaluateEverySteps } = config;
  if (stop === null || evaluateEverySteps !== null) return;
  const wanted = "a metric of an evaluation during training, but evaluateEverySteps is null";
  fail("evaluation.stop.metric", stop.metric, wanted, "set evaluateEverySteps=1000");
}

function checkSizes(config: Config, fail: Fail): void {
  if (!("model" in config)) return;
  checkTransformer("model", config.model, fail);
  if (config.augment.size !== config.model.imageSize) {
    fail("augment.size", config.augment.size, `model.imageSize, ${config.model.imageSize}`);
  }
  if (config.task === "finetune") checkTestView(config, fail);
  if (config.task === "segment") {
    checkWindow(config, fail);
    checkSegmentStop(config, fail);
  }
}

function checkTestView({ augment }: Extract<Config, { task: "finetune" }>, fail: Fail): void {
  const { size, testResize } = augment;
  if (testResize >= size) return;
  fail(
    "augment.testResize",
    testResize,
    `at least augment.size, ${size}, the size of the crop`,
    `omit it, or give --set augment.testResize=${Math.round(size * 256 / 224)}`,
  );
}

function checkWindow({ augment }: Extract<Config, { task: "segment" }>, fail: Fail): void {
  const { size, stride } = augment;
  if (stride <= size) return;
  fail(
    "augment.stride",
    stride,
    `at most the window's size, augment.size, ${size}`,
    `omit it, or give --set augment.stride=${Math.floor(size * 2 / 3)}`,
  );
}

/**
 * Throws a {@link UserError} for the first constraint that is violated.
 *
 * @param origins where each value comes from, for the message
 */
export function checkConfig(config: Config, origins: ReadonlyMap<string, string>): void {
  const fail: Fail = (key, found, wanted, hint) => {
    throw new UserError(
      `Cannot use "${key}" (${origins.get(key) ?? "default"}): expected ${wanted}, found ${found}`,
      { hint },
    );
  };
  refuseInertKeys(config, origins);
  checkSizes(config, fail);
  if (config.task === "pretrain") checkPretrain(config, fail);
  if ("schedule" in config && "epochs" in config.schedule) {
    const { epochs, steps } = config.schedule;
    if (epochs === null && steps === null) {
      fail("schedule.epochs", "null", "a number, or schedule.steps as well");
    }
  }
  const { microBatchSize, batchSize } = config;
  if (microBatchSize !== "auto" && batchSize % microBatchSize !== 0) {
    fail(
      "microBatchSize",
      microBatchSize,
      `a divisor of batchSize, ${batchSize}`,
      `for example --micro-batch ${nearestDivisor(batchSize, microBatchSize)}`,
    );
  }
}
