/**
 * What a tokenizer by k-means will cost, before it starts and measured: `tokenizer --dry-run`.
 *
 * @module
 */

import type { Tensor } from "../../../deps/tfjs.ts";
import type { Context } from "../../../backends/backend.ts";
import { now } from "../../../core/clock.ts";
import { Generator } from "../../../core/generator.ts";
import { vitBase } from "../../../models/beit_config.ts";
import { encoderSpecs } from "../../../models/beit_encoder.ts";
import { fitMeans } from "../../../models/k_means.ts";
import { countTrainable } from "../../../models/parameter_set.ts";
import { startBackend } from "../../../pipeline/engine/computing/start_backend.ts";
import type {
  MeasureWholeOptions,
  WholeMeasurement,
  WholePlan,
} from "../../../pipeline/engine/method.ts";
import { openTrainingSource } from "../../../pipeline/images/data_sources.ts";
import type { TokenizerConfig } from "../config.ts";
import { kindOf } from "../teachers/mod.ts";
import { fittedSizes, gatherFeatures } from "./gather_features.ts";

/** The plan of a run. */
export interface KMeansPlan extends WholePlan {
  /** Images in the training split … */
  readonly images: number;
  /** … and those of them that the codes are fitted to, with their patches. */
  readonly fittedImages: number;
  readonly fittedTokens: number;
  readonly codes: number;
  readonly tokensPerCode: number;
  /** Bytes, by use. The features are there three times: batch by batch, as a whole, and read back. */
  readonly memory: {
    readonly teacher: number;
    readonly features: number;
    readonly codes: number;
    readonly peak: number;
  };
}

const bytesPerNumber = 4;

/**
 * Plans a run from its images; computes nothing. The width of the features of an ONNX model, whose file is
 * not read, is taken to be that of a small vision transformer.
 *
 * @throws UserError if the images cannot be found
 */
export async function planKMeans(config: TokenizerConfig): Promise<KMeansPlan> {
  const source = await openTrainingSource(config.data);
  const images = source.length;
  source.close?.();
  const fitted = fittedSizes(config, images);
  const tokens = fitted.images * fitted.patches;
  const { kind, settings } = kindOf(config.teacher);
  const width = kind.dim(config.model, settings);
  const { codes } = config.codebook;
  const teacher = kind.isEncoder
    ? bytesPerNumber * countTrainable(encoderSpecs(vitBase, { hasMaskToken: false }))
    : 0;
  const features = 3 * bytesPerNumber * tokens * width;
  const means = bytesPerNumber * codes * width;
  return {
    images,
    fittedImages: fitted.images,
    fittedTokens: tokens,
    codes,
    tokensPerCode: tokens / codes,
    memory: { teacher, features, codes: means, peak: teacher + features + means },
    disk: { checkpoint: 0, kept: means, atMost: means },
  };
}

/** Batches that are measured: the first compiles what the others need. */
const measuredBatches = 4;

/** Seconds of one round of k-means on features [n, T]. */
async function secondsOfRound(
  on: Context,
  rows: Tensor,
  { seed, codebook }: TokenizerConfig,
): Promise<number> {
  let seconds = 0;
  // Twice: the first compiles.
  for (let round = 0; round < 2; round++) {
    const start = now();
    const means = await fitMeans(on, rows, codebook.codes, 1, Generator.from(seed));
    await means.data();
    seconds = now() - start;
    means.dispose();
  }
  return seconds;
}

/**
 * Times the teacher on a few batches of images and a round of k-means on their features; keeps nothing.
 *
 * @returns null if the signal ended it
 * @throws UserError for anything that would stop the run itself
 */
export async function measureKMeans(
  config: TokenizerConfig,
  { downloads = {}, signal, onNote }: MeasureWholeOptions,
): Promise<WholeMeasurement | null> {
  const { backend } = await startBackend(config.backend);
  const on: Context = { backend, precision: "float32" };
  const source = await openTrainingSource(config.data);
  const listener = () => {};
  try {
    const { kind, settings } = kindOf(config.teacher);
    const teacher = await kind.open({
      ...{ on, config, settings, source, listener, kept: null, downloads },
    });
    try {
      onNote?.("Measuring the teacher on a few batches of images, and a round of k-means");
      const moments = [now()];
      const rows = await gatherFeatures(on, config, teacher, source, {
        listener: ({ type }) => type === "progress" && moments.push(now()),
        isStopped: () => signal?.aborted === true,
        mostBatches: measuredBatches,
      });
      if (rows === null) return null;
      const { images, batch, patches } = fittedSizes(config, source.length);
      const timed = moments.length > 2 ? moments.slice(1) : moments;
      const imagesPerSecond = (timed.length - 1) * batch / (timed.at(-1)! - timed[0]);
      const [count, featureWidth] = rows.shape;
      const rounds = config.kMeans.iterations * images * patches / count;
      const secondsToComputeFeatures = images / imagesPerSecond;
      const secondsToFitCodes = rounds * await secondsOfRound(on, rows, config);
      rows.dispose();
      return {
        device: `${backend.name}: ${backend.capabilities.description}`,
        featureWidth: featureWidth!,
        imagesPerSecond,
        peakMemoryBytes: backend.memory().peakBytes,
        secondsToComputeFeatures,
        secondsToFitCodes,
        secondsToFinish: secondsToComputeFeatures + secondsToFitCodes,
      };
    } finally {
      teacher.dispose();
    }
  } finally {
    source.close?.();
    await backend.dispose();
  }
}
