/**
 * Constraints between the keys of a config: rules of its sections, whatever task they are in.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import { refuseInertKeys } from "./inert_keys.ts";
import type { maskSection } from "./sections/data.ts";
import type { pretrainModelSection } from "./sections/model.ts";
import type { evaluationSection } from "./sections/run.ts";
import type { RunConfig, TaskDefinition } from "./task.ts";
import type { z } from "../deps/zod.ts";
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

/** What of a config is checked here: the sections that its task has. */
interface Sections extends RunConfig {
  readonly model?: Sizes & { readonly depth: number } & Partial<PretrainModel>;
  readonly augment?: {
    readonly size: number;
    /** Fine-tuning's. */
    readonly testResize?: number;
    /** That of segmentation's window. */
    readonly stride?: number;
  };
  readonly mask?: z.output<typeof maskSection>;
  readonly schedule?: { readonly epochs?: number | null; readonly steps: number | null };
  readonly evaluation?:
    & { readonly stop: { readonly metric: string } | null }
    & Partial<Pick<z.output<typeof evaluationSection>, "knn" | "linear">>;
  readonly evaluateEverySteps?: number | null;
}

type PretrainModel = Pick<z.output<typeof pretrainModelSection>, "earlyLayers" | "headLayers">;

function checkAggregation({ model }: Sections, fail: Fail): void {
  const { depth = 0, earlyLayers = 0, headLayers = 0 } = model ?? {};
  if (headLayers > 0 && earlyLayers >= depth) {
    fail("model.earlyLayers", earlyLayers, `fewer than model.depth, ${depth}`);
  }
}

/** Whether a run with early stopping is evaluated during training. */
function checkStop({ evaluation, evaluateEverySteps }: Sections, fail: Fail): void {
  const stop = evaluation?.stop ?? null;
  if (stop === null) return;
  const refuse = (key: string, remedy: string) => {
    const wanted = `a metric of an evaluation during training, but ${key} is null`;
    fail("evaluation.stop.metric", stop.metric, wanted, `set ${remedy}`);
  };
  const kind = stop.metric.startsWith("knn") ? "knn" : "linear";
  if (evaluation?.[kind]?.every === null) {
    refuse(`evaluation.${kind}.every`, `evaluation.${kind}.every=1`);
  }
  if (evaluateEverySteps === null) refuse("evaluateEverySteps", "evaluateEverySteps=1000");
}

function checkMask({ mask, model }: Sections, fail: Fail): void {
  if (mask === undefined || model === undefined) return;
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

function checkSizes({ model, augment }: Sections, fail: Fail): void {
  if (model === undefined) return;
  checkTransformer("model", model, fail);
  if (augment === undefined) return;
  const { size, testResize = Infinity, stride = 0 } = augment;
  if (size !== model.imageSize) fail("augment.size", size, `model.imageSize, ${model.imageSize}`);
  if (testResize < size) {
    fail(
      "augment.testResize",
      testResize,
      `at least augment.size, ${size}, the size of the crop`,
      `omit it, or give --set augment.testResize=${Math.round(size * 256 / 224)}`,
    );
  }
  if (stride > size) {
    fail(
      "augment.stride",
      stride,
      `at most the window's size, augment.size, ${size}`,
      `omit it, or give --set augment.stride=${Math.floor(size * 2 / 3)}`,
    );
  }
}

/**
 * Throws a {@link UserError} for the first constraint that is violated.
 *
 * @param origins where each value comes from, for the message
 */
export function checkConfig<C extends RunConfig>(
  task: TaskDefinition<C>,
  config: C,
  origins: ReadonlyMap<string, string>,
): void {
  const fail: Fail = (key, found, wanted, hint) => {
    throw new UserError(
      `Cannot use "${key}" (${origins.get(key) ?? "default"}): expected ${wanted}, found ${found}`,
      { hint },
    );
  };
  refuseInertKeys(task, config, origins);
  const sections: Sections = config;
  checkSizes(sections, fail);
  checkAggregation(sections, fail);
  checkStop(sections, fail);
  checkMask(sections, fail);
  if (sections.schedule?.epochs === null && sections.schedule.steps === null) {
    fail("schedule.epochs", "null", "a number, or schedule.steps as well");
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
