/**
 * Initialising a codebook.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import { communicatorOf, type Context } from "../../backends/backend.ts";
import type { TokenizerConfig } from "./config.ts";
import type { Generator } from "../../core/generator.ts";
import type { Loader } from "../../data/loader/loader.ts";
import type { VqkdTokenizer } from "../../models/vqkd_tokenizer.ts";
import { gatherRows } from "./gather_rows.ts";
import { imageTensor } from "../../pipeline/tokenize.ts";
import { normalizations } from "../../pipeline/images/normalizations.ts";

/** What a codebook is initialised from. */
export interface CodebookStart {
  readonly on: Context;
  readonly config: TokenizerConfig;
  readonly tokenizer: VqkdTokenizer;
  /** This rank's share of the run's images; closed at the end. */
  readonly loader: Loader;
  readonly generator: Generator;
  /** Whether this rank has images in a step. */
  readonly takesPart: (step: number) => boolean;
}

/**
 * K-means over the tokens of the run's first steps, gathered from all ranks: as many whole steps as needed, so
 * that the tokens are the same on any number of ranks.
 */
export async function startCodebook(start: CodebookStart): Promise<void> {
  const { on, config, tokenizer, loader, generator, takesPart } = start;
  const { codes, kmeansTokensPerCode, kmeansIterations } = config.codebook;
  const normalization = normalizations[config.augment.normalization];
  const gathered: Tensor[] = [];
  const ofStep: Tensor[] = [];
  let tokens = 0;
  try {
    for await (
      const { pixels, size, imageSize, step, microBatch, microBatches } of loader.batches()
    ) {
      ofStep.push(
        on.backend.run(() =>
          tf.tidy(() =>
            tokenizer.project(on, imageTensor(pixels, size, imageSize, normalization)).z
          )
        ),
      );
      if (microBatch < microBatches - 1) continue;
      const own = on.backend.run(() => tf.concat(ofStep) as Tensor);
      tf.dispose(ofStep.splice(0));
      const rows = await allRows(on, own, takesPart(step));
      gathered.push(rows);
      tokens += rows.shape[0];
      if (tokens >= codes * kmeansTokensPerCode) break;
    }
  } finally {
    loader.close();
  }
  on.backend.run(() =>
    tf.tidy(() => {
      const samples = tf.concat(gathered) as Tensor;
      tokenizer.codebook.initialise(on, samples, generator, kmeansIterations);
    })
  );
  tf.dispose(gathered);
}

async function allRows(on: Context, own: Tensor, takesPart: boolean): Promise<Tensor> {
  if (communicatorOf(on).size === 1) return own;
  const rows = await gatherRows(on, own, takesPart);
  own.dispose();
  return rows;
}
