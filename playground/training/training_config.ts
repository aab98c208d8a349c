/** The config of a run in the page: the quick start's with what the user chose. @module */

import type { GivenFile } from "../../checkpoints/store/given_files.ts";
import type { PretrainConfig } from "../../methods/beit/config.ts";
import { stepsPerEpochOf } from "../../pipeline/engine/schedule.ts";
import type { TrainingChoice } from "./messages.ts";

/** Where the user's pictures are on the page's disk. */
export const picturesFolder = "/pictures";
/** Where weights to start from are. */
export const weightsFolder = "/weights";

/** Bytes for decoded images: the clothes need a third of it, and phones have little memory. */
const cacheBytes = 2 ** 26;
/** Share of labelled pictures that k-NN is measured on, as on the command line. */
const heldOut = 0.1;
/** For pictures other than clothes, as on the command line. */
const ownTokenizer = "vqkd_quickstart";
/** A twelfth of the rate when weights are trained on, as in `configs/recipes/continue.jsonc`. */
const continuedRate = 1 / 12;

/** The images of a run. */
export function dataOf(
  { data }: Pick<PretrainConfig, "data">,
  { pictures }: Pick<TrainingChoice, "pictures">,
): PretrainConfig["data"] {
  const own = {
    source: picturesFolder,
    holdOut: heldOut,
    onError: "skip",
  } as const;
  return { ...data, cacheBytes, ...(pictures === null ? {} : own) };
}

/** The only file of weights, or the folder of a run. */
export function weightsPath(files: readonly GivenFile[]): string {
  return files.length === 1 ? `${weightsFolder}/${files[0].path}` : weightsFolder;
}

/**
 * The config of a run.
 *
 * @param quickstart as a page runs it: in float32, loading images itself
 * @param images how many it trains on
 * @param known the tokenizer that the weights to start from were trained with, if it is bundled
 */
export function trainingConfig(
  quickstart: PretrainConfig,
  choice: TrainingChoice,
  images: number,
  known?: string,
): PretrainConfig {
  const { schedule, checkpoint, evaluation, optimizer, log, tokenizer } = quickstart;
  const { steps, saveSteps, knnSteps, pictures, weights } = choice;
  const data = dataOf(quickstart, choice);
  const batchSize = Math.min(choice.batchSize, images);
  const every = knnSteps / stepsPerEpochOf({ data, batchSize }, images);
  return {
    ...quickstart,
    data,
    batchSize,
    tokenizer: {
      ...tokenizer,
      checkpoint: known ?? (pictures === null ? tokenizer.checkpoint : ownTokenizer),
    },
    pretrained: weights === null ? null : weightsPath(weights),
    optimizer: weights === null ? optimizer : { ...optimizer, lr: optimizer.lr * continuedRate },
    schedule: { ...schedule, steps },
    checkpoint: { ...checkpoint, everySteps: saveSteps, keepLast: 1 },
    evaluation: {
      ...evaluation,
      knn: { ...evaluation.knn, every, atEnd: true },
      baselines: true,
    },
    // The page draws its own.
    log: { ...log, report: false, tensorBoard: false },
  };
}
