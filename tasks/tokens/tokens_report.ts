/**
 * `tokens-report`: how a tokenizer's codes are used and what they stand for, as a page with pictures.
 *
 * @module
 */

import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Source } from "../../data/sources/source.ts";
import { type Tensor, tf } from "../../deps/tfjs.ts";
import { UserError } from "../../core/errors.ts";
import { formatMetric, metricName } from "../../core/metric_names.ts";
import { formatCount, formatPercent } from "../../core/number_formats.ts";
import { Generator } from "../../core/generator.ts";
import { imageTensor, type PatchTokenizer } from "../../pipeline/tokenize.ts";
import type { Bar } from "../../report/html.ts";
import { tokensReportPage } from "../../report/tokens_report.ts";
import {
  chooseImages,
  codeColors,
  keep,
  type KeptImage,
  mostUsed,
  patchesOf,
} from "./token_pictures.ts";
import {
  openEvaluationSource,
  openLoader,
  openTrainingSource,
} from "../../pipeline/images/data_sources.ts";
import { knnAccuracy } from "../../pipeline/evaluation/knn.ts";
import { collectTokens, type TokenHistograms, type TokenUse } from "./token_histograms.ts";
import { PixelTokenizer } from "../../methods/vqkd/pixel_tokenizer.ts";
import {
  type TokenizerInference,
  type TokenizerInferenceOptions,
  withTokenizer,
} from "./with_tokenizer.ts";

/** Which images, and how many. */
export interface TokensReportOptions extends TokenizerInferenceOptions {
  /** Images tokenised per split, drawn at random; default: 3000. */
  readonly images?: number | undefined;
}

/** How well a codebook does on images. */
export interface TokenFigures extends TokenUse {
  /** k-NN accuracy on code histograms; only with labels. */
  readonly knnTop1?: number;
}

/** The figures in a report. */
export interface TokensReportFigures extends TokenFigures {
  readonly checkpoint: string;
  readonly codes: number;
  /** Images that were tokenised. */
  readonly images: number;
  /** Images classified by them; 0 without labels. */
  readonly testImages: number;
  /** Accuracy of guessing; only with labels. */
  readonly chance?: number;
  /** k-means on pixels with as many codes, on the same images; only with labels. */
  readonly pixels?: TokenFigures;
}

const defaultImages = 3000;
/** k-means in pixel space takes time proportional to the number of codes. */
const mostPixelCodes = 2048;
/** Patches per code that k-means on pixels is fitted to. */
const patchesPerPixelCode = 64;

/** Random images from a source, the same ones every time, a batch at a time. */
async function* someImages(
  source: Source,
  wanted: number,
  { preparation, transform, listener, batch }: TokenizerInference,
): AsyncGenerator<LoadedBatch, void, void> {
  const count = Math.min(wanted, source.length);
  const size = Math.min(batch, count);
  const loader = await openLoader(preparation.data, {
    source,
    transform,
    batch: size,
    seed: 0,
    isShuffled: true,
    dropsLast: false,
  }, listener);
  try {
    yield* loader.batches({ to: Math.ceil(count / size) });
  } finally {
    loader.close();
  }
}

/** The images on which k-NN accuracies are measured, or null if there are no labels. */
async function labelledTestImages(
  train: Source,
  { preparation, listener }: TokenizerInference,
): Promise<Source | null> {
  if (train.classes.length < 2) return null;
  try {
    const test = await openEvaluationSource(preparation.data);
    return test.classes.join("\n") === train.classes.join("\n") ? test : null;
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    listener({ type: "note", message: `No accuracies: ${error.message}` });
    return null;
  }
}

/**
 * Tokenises images and creates the page about them.
 *
 * @returns the page as a single HTML file, and its figures
 * @throws UserError for a missing checkpoint or missing images
 */
export async function tokensReport(
  options: TokensReportOptions = {},
): Promise<{ page: string; figures: TokensReportFigures }> {
  return await withTokenizer(options, async (inference) => {
    const { tokenizer, preparation } = inference;
    const train = await openTrainingSource(preparation.data);
    const test = await labelledTestImages(train, inference);
    try {
      const wanted = options.images ?? defaultImages;
      const kept: KeptImage[] = [];
      const own = await measure(inference, tokenizer, { train, test, wanted }, keep(kept));
      const { codes } = tokenizer.config;
      const pixels = test === null || codes > mostPixelCodes
        ? undefined
        : await measurePixels(inference, { train, test, wanted });
      const figures: TokensReportFigures = {
        checkpoint: inference.checkpoint,
        codes,
        images: own.images,
        testImages: own.testImages,
        ...own.figures,
        ...(test === null ? {} : { chance: 1 / train.classes.length }),
        ...(pixels === undefined ? {} : { pixels }),
      };
      const page = await render(inference, train, figures, own.histograms, kept);
      return { page, figures };
    } finally {
      train.close?.();
      test?.close?.();
    }
  });
}

interface Images {
  readonly train: Source;
  readonly test: Source | null;
  readonly wanted: number;
}

/** Usage and accuracy of a tokenizer's codes. */
async function measure(
  inference: TokenizerInference,
  tokenizer: PatchTokenizer,
  { train, test, wanted }: Images,
  onBatch?: (batch: LoadedBatch, ids: Int32Array) => void,
): Promise<
  { histograms: TokenHistograms; figures: TokenFigures; images: number; testImages: number }
> {
  const { on, normalization } = inference;
  const { codes } = inference.tokenizer.config;
  const encoding = { tokenizer, codes, normalization };
  const histograms = await collectTokens(
    on,
    encoding,
    someImages(train, wanted, inference),
    onBatch,
  );
  const bank = histograms.finish();
  const { use } = histograms;
  if (test === null) return { histograms, figures: use, images: bank.count, testImages: 0 };
  const tested = await collectTokens(on, encoding, someImages(test, wanted, inference));
  const queries = tested.finish();
  const { top1 } = await knnAccuracy(on, bank, queries, train.classes.length);
  return {
    histograms,
    figures: { ...use, knnTop1: top1 },
    images: bank.count,
    testImages: queries.count,
  };
}

/** The same for k-means on pixels, fitted to the first of the same images. */
async function measurePixels(inference: TokenizerInference, images: Images): Promise<TokenFigures> {
  const { on, normalization, tokenizer } = inference;
  const { imageSize, patchSize, codes } = tokenizer.config;
  const patches = (imageSize / patchSize) ** 2;
  const needed = Math.ceil(codes * patchesPerPixelCode / patches);
  const batches: Tensor[] = [];
  for await (const batch of someImages(images.train, needed, inference)) {
    batches.push(
      on.backend.run(() => imageTensor(batch.pixels, batch.size, batch.imageSize, normalization)),
    );
  }
  const config = { imageSize, patchSize, codes };
  const pixels = await PixelTokenizer.fit(on, config, batches, Generator.from(0));
  tf.dispose(batches);
  try {
    return (await measure(inference, pixels, images)).figures;
  } finally {
    pixels.dispose();
  }
}

async function render(
  { tokenizer, checkpoint, preparation }: TokenizerInference,
  { classes }: Source,
  figures: TokensReportFigures,
  histograms: TokenHistograms,
  kept: readonly KeptImage[],
): Promise<string> {
  const { codeDim, imageSize, patchSize } = tokenizer.config;
  const vectors = await tokenizer.vectors.data();
  return await tokensReportPage({
    checkpoint,
    data: preparation.data.source,
    grid: imageSize / patchSize,
    figures: figureTexts(figures),
    accuracies: accuracyBars(figures),
    hits: histograms.counts,
    colors: codeColors(vectors as Float32Array, codeDim),
    pictures: chooseImages(kept).map(({ id, label, pixels, tokens }) => ({
      id,
      ...(classes[label] === undefined ? {} : { className: classes[label] }),
      picture: { width: imageSize, height: imageSize, data: pixels },
      tokens,
    })),
    gallery: mostUsed(histograms.counts).map(({ code, share }) => ({
      code,
      share,
      patches: patchesOf(code, kept, imageSize, patchSize),
    })).filter(({ patches }) => patches.length > 0),
  });
}

function figureTexts(figures: TokensReportFigures): [string, string][] {
  const named = (["codebookUsage", "codebookPerplexity", "deadCodes"] as const).map(
    (key): [string, string] => [metricName(key), formatMetric(key, figures[key])],
  );
  return [
    ["images", formatCount(figures.images)],
    ["codes", formatCount(figures.codes)],
    ...named,
    ...figures.testImages === 0
      ? []
      : [["test images", formatCount(figures.testImages)] as [string, string]],
  ];
}

/** Accuracies as bars: the tokenizer first, then what it is compared with. */
function accuracyBars({ knnTop1, pixels, chance }: TokensReportFigures): Bar[] | null {
  if (knnTop1 === undefined || chance === undefined) return null;
  const bar = (name: string, share: number, role: string) => ({
    ...{ name, share, text: formatPercent(share), role },
  });
  return [
    bar("this tokenizer", knnTop1, "model"),
    ...pixels === undefined
      ? []
      : [bar("k-means on pixels, as many codes", pixels.knnTop1!, "baseline")],
    bar(metricName("chance"), chance, "chance"),
  ];
}
