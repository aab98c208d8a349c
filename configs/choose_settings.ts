/**
 * Sizes and length for somebody's own images, where no recipe says them.
 *
 * @module
 */
import { blocksCost, embeddingCost, forwardAndBackward } from "../core/transformer_cost.ts";
import { type ModelName, modelSizes } from "./model_sizes.ts";

/** What is known of the images. */
export interface ImageFacts {
  readonly count: number;
  /** Median of the images' shorter edges, pixels. */
  readonly shortEdge: number;
}

/** What is known of the machine: what it has, not what is free, so that a command repeats its choice. */
export interface MachineFacts {
  readonly cores: number;
  /** null where that may not be asked. */
  readonly memoryBytes: number | null;
  readonly hasGpu: boolean;
}

/** Sizes that somebody gave; the rest is chosen around them. */
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
  /** Images that pretraining sees, each as often as it is seen. */
  readonly passes: number;
  /** Peak learning rate of the quick start's batch. */
  readonly lr: number;
}

/**
 * Passes of a short run: 2800 steps of 16. On 20 000 photographs of 32 px, with the quick start's model and
 * the bundled tokenizer, they gave 37.2 % by k-NN of frozen features where raw pixels give 33.2 and the
 * untrained network 28.8; by a linear classifier 47.1, 34.5 and 32.2. With a tokenizer of those
 * photographs docs/study.md has 39.2 after 24 000 and 41.2 after 45 000 passes.
 */
const fewestPasses = 44_800;
/** The longer of the study's runs saw each image about twice. */
const passesPerImage = 2;
/** A first run of one's own had better be over within half an hour. */
const mostSeconds = 1800;
/**
 * Multiply–adds a second of training steps. A core: the quick start takes 3 minutes for 19 200 passes on
 * two cores, 1.2e10 each with all that is beside products. A GPU: the 462 images/s of ViT-S on an H200
 * in docs/webgpu.md are 7e12; a laptop's has about a fourteenth of its arithmetic.
 */
const speedOfCore = 1e10;
const speedOfGpu = 5e11;
/** Bytes that a run takes for each parameter: weights, gradients, moments, and as much for the rest. */
const bytesPerParameter = 64;

/**
 * The models that are chosen without being asked for, the largest first. After 600 steps of 16 on 3000
 * photographs, against tokens of pixels, ViT-Ti had 28.7 % by k-NN and 37.1 by a linear classifier, the quick
 * start's model 28.5 and 33.9, raw pixels 27.4 and 25.1. A pass of ViT-Ti costs 4.5 times as much: it is taken
 * where half an hour is enough for as many passes as were measured of the other.
 */
const models = ["small", "tiny", "mini"] as const satisfies readonly ModelName[];

/** The quick start's learning rate and the width it was tuned for. */
const tunedLr = 3e-3;
const tunedWidth = modelSizes.mini.embedDim;

/**
 * A side of pixels that the images have without being enlarged by more than a third. More than 64 px
 * cost a small model time for detail that its 64 patches do not tell apart; a ViT-S gets 128.
 */
function imageSizeFor(shortEdge: number, model: ModelName): number {
  const most = modelSizes[model].embedDim >= modelSizes.small.embedDim ? 128 : 64;
  return [128, 64].find((size) => size <= most && shortEdge >= 0.75 * size) ?? 32;
}

/**
 * Eight patches a side, as the quick start and the study have it: a step costs the same at 32 px in
 * patches of 4 as at 64 px in patches of 8. From 160 px on, the papers' patches of 16.
 */
function patchSizeFor(imageSize: number): number {
  const wanted = imageSize >= 160 ? 16 : imageSize / 8;
  let best = 1;
  for (let size = 1; size <= imageSize; size++) {
    if (imageSize % size === 0 && Math.abs(size - wanted) < Math.abs(best - wanted)) best = size;
  }
  return best;
}

/** Multiply–adds of pretraining on one image, patch aggregation included. */
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
 * Chooses sizes and length: the largest model that sees enough images in half an hour on such a machine,
 * and images as large as they are and as it can use.
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
