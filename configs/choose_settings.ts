/**
 * Image size, model and training length for the user's own images, when no recipe sets them.
 *
 * @module
 */
import { blocksCost, embeddingCost, forwardAndBackward } from "../core/transformer_cost.ts";
import { type ModelName, modelSizes } from "./model_sizes.ts";

/** What is known about the images. */
export interface ImageFacts {
  readonly count: number;
  /** Median length of the images' shorter edge, in pixels. */
  readonly shortEdge: number;
}

/**
 * What is known about the machine: what it has, not what is free, so that repeating a command gives the same
 * choice.
 */
export interface MachineFacts {
  readonly cores: number;
  /** null if permission to ask is missing. */
  readonly memoryBytes: number | null;
  readonly hasGpu: boolean;
}

/** Sizes that the user gave; the rest is chosen to match them. */
export interface GivenSizes {
  readonly imageSize?: number | undefined;
  readonly patchSize?: number | undefined;
  readonly model?: ModelName | undefined;
}

/** What was chosen. */
export interface ChosenSettings {
  readonly imageSize: number;
  readonly patchSize: number;
  readonly model: ModelName;
  /** Images processed in pretraining, counting repetitions. */
  readonly passes: number;
  /** Peak learning rate for the quick start's batch size. */
  readonly lr: number;
}

/**
 * Image passes of a short run: 2800 steps of 16. On 20 000 photographs of 32 px, with the quick start's model
 * and the bundled tokenizer, they gave 37.2 % with k-NN on frozen features, against 33.2 for raw pixels and
 * 28.8 for the untrained network; a linear classifier gave 47.1, 34.5 and 32.2. With a tokenizer trained on
 * those photographs, docs/study.md reports 39.2 after 24 000 passes and 41.2 after 45 000.
 */
const fewestPasses = 44_800;
/** The study's longer run saw each image about twice. */
const passesPerImage = 2;
/** A first run should finish within half an hour. */
const mostSeconds = 1800;
/**
 * Multiply–adds per second in training. Per core: the quick start takes 3 minutes for 19 200 passes on two
 * cores, which makes 1.2e10 each, including everything besides matrix products. GPU: the 462 images/s of ViT-S
 * on an H200 in docs/webgpu.md are 7e12; a laptop's GPU has about a fourteenth of its arithmetic.
 */
const speedOfCore = 1e10;
const speedOfGpu = 5e11;
/** Bytes per parameter during a run: weights, gradients, moments, and as much again for the rest. */
const bytesPerParameter = 64;

/**
 * The models that are chosen automatically, largest first. After 600 steps of 16 on 3000 photographs, with
 * pixel tokens, ViT-Ti reached 28.7 % with k-NN and 37.1 with a linear classifier, the quick start's model 28.5
 * and 33.9, and raw pixels 27.4 and 25.1. A pass of ViT-Ti costs 4.5 times as much, so it is chosen when half
 * an hour is enough for the number of passes measured for the other model.
 */
const models = ["small", "tiny", "mini"] as const satisfies readonly ModelName[];

/** The quick start's learning rate and the width it was tuned for. */
const tunedLr = 3e-3;
const tunedWidth = modelSizes.mini.embedDim;

/**
 * An image size that enlarges the images by a third at most. Beyond 64 px, a small model spends time on detail
 * that its 64 patches cannot resolve; a ViT-S gets 128.
 */
function imageSizeFor(shortEdge: number, model: ModelName): number {
  const most = modelSizes[model].embedDim >= modelSizes.small.embedDim ? 128 : 64;
  return [128, 64].find((size) => size <= most && shortEdge >= 0.75 * size) ?? 32;
}

/**
 * Eight patches per side, as in the quick start and the study: a step costs the same at 32 px with
 * patches of 4 as at 64 px with patches of 8. From 160 px on, the papers' patch size of 16.
 */
function patchSizeFor(imageSize: number): number {
  const wanted = imageSize >= 160 ? 16 : imageSize / 8;
  let best = 1;
  for (let size = 1; size <= imageSize; size++) {
    if (imageSize % size === 0 && Math.abs(size - wanted) < Math.abs(best - wanted)) best = size;
  }
  return best;
}

/** Multiply–adds to pretrain on one image, including patch aggregation. */
function passCost(imageSize: number, patchSize: number, model: ModelName): number {
  const sizes = { imageSize, patchSize, embedDim: modelSizes[model].embedDim, mlpRatio: 4 };
  return forwardAndBackward *
    (embeddingCost(sizes) + blocksCost(sizes, modelSizes[model].depth + 2));
}

function parametersOf(model: ModelName): number {
  const { embedDim, depth } = modelSizes[model];
  return 12 * embedDim ** 2 * (depth + 2);
}

/**
 * Chooses sizes and training length: the largest model that sees enough images in half an hour on this machine,
 * and the largest image size that both the images and the model support.
 *
 * @example Photographs on a laptop with four cores
 * ```ts
 * import { chooseSettings } from "./choose_settings.ts";
 * const laptop = { cores: 4, memoryBytes: 16e9, hasGpu: false };
 * const chosen = chooseSettings({ count: 2140, shortEdge: 1080 }, laptop);
 * if (chosen.imageSize !== 64 || chosen.model !== "tiny") throw new Error();
 * ```
 */
export function chooseSettings(
  images: ImageFacts,
  machine: MachineFacts,
  given: GivenSizes = {},
): ChosenSettings {
  const { cores, memoryBytes, hasGpu } = machine;
  const speed = Math.max(hasGpu ? speedOfGpu : 0, cores * speedOfCore);
  const sized = (model: ModelName) => {
    const imageSize = given.imageSize ?? imageSizeFor(images.shortEdge, model);
    const patchSize = given.patchSize ?? patchSizeFor(imageSize);
    const affordable = Math.floor(mostSeconds * speed / passCost(imageSize, patchSize, model));
    return { model, imageSize, patchSize, affordable };
  };
  const fits = (model: ModelName) =>
    memoryBytes === null || parametersOf(model) * bytesPerParameter <= memoryBytes;
  const tries = models.map(sized);
  const { affordable, ...sizes } = given.model !== undefined
    ? sized(given.model)
    : tries.find((one) => one.affordable >= fewestPasses && fits(one.model)) ?? tries.at(-1)!;
  const wanted = Math.max(fewestPasses, Math.min(passesPerImage * images.count, affordable));
  return {
    ...sizes,
    passes: wanted,
    // Adam's steps on a matrix grow with its width (Yang et al., arXiv 2203.03466).
    lr: tunedLr * tunedWidth / modelSizes[sizes.model].embedDim,
  };
}
