/**
 * What a tokenizer's codes reveal about an image: how often each occurs in it, and whether images of the same
 * class are alike in that respect.
 *
 * @module
 */

import type { Context } from "../../backends/backend.ts";
import type { LoadedBatch } from "../../data/loader/loader.ts";
import type { Normalization } from "../../data/images/normalize.ts";
import { type CodebookHealth, CodebookUsage } from "../../methods/vqkd/codebook_usage.ts";
import type { PatchTokenizer } from "../../pipeline/tokenize.ts";
import { encodeBatch } from "./tokenize_images.ts";
import { FeatureCollector, type FeatureSet } from "../../pipeline/evaluation/features.ts";

/** How the codes of a set of images are distributed. */
export type TokenUse = Pick<
  CodebookHealth,
  "codebookUsage" | "codebookPerplexity" | "deadCodes"
>;

/** Collects the tokens of images, batch by batch. */
export class TokenHistograms {
  readonly #codes: number;
  readonly #collector = new FeatureCollector();
  readonly #counts: Float32Array;

  /** @param codes number K of codes */
  constructor(codes: number) {
    this.#codes = codes;
    this.#counts = new Float32Array(codes);
  }

  /** Adds the tokens [B, N] of a batch. */
  add(ids: Int32Array, { size, labels, ids: names }: LoadedBatch): void {
    const codes = this.#codes;
    const rows = new Float32Array(size * codes);
    const patches = ids.length / size;
    for (const [index, id] of ids.entries()) {
      rows[Math.floor(index / patches) * codes + id]++;
      this.#counts[id]++;
    }
    // Square roots: their cosine is the overlap of two distributions (Bhattacharyya), where many identical
    // background patches do not drown out the rest.
    this.#collector.add(rows.map(Math.sqrt), labels, names);
  }

  /** Hits of each code, [K]. */
  get counts(): Readonly<Float32Array> {
    return this.#counts;
  }

  get use(): TokenUse {
    const usage = new CodebookUsage(this.#codes, 1);
    usage.add(this.#counts);
    const { codebookUsage, codebookPerplexity, deadCodes } = usage.health;
    return { codebookUsage, codebookPerplexity, deadCodes };
  }

  /** The histograms as features: [images, K]. */
  finish(): FeatureSet {
    return this.#collector.finish();
  }
}

/** Tokens of all batches; `onBatch` sees each with its ids [B, N]. */
export async function collectTokens(
  on: Context,
  { tokenizer, codes, normalization }: {
    readonly tokenizer: PatchTokenizer;
    readonly codes: number;
    readonly normalization: Normalization;
  },
  batches: AsyncIterable<LoadedBatch>,
  onBatch: (batch: LoadedBatch, ids: Int32Array) => void = () => {},
): Promise<TokenHistograms> {
  const histograms = new TokenHistograms(codes);
  for await (const batch of batches) {
    const ids = await encodeBatch(on, tokenizer, normalization, batch);
    histograms.add(ids, batch);
    onBatch(batch, ids);
  }
  return histograms;
}
