/** What the studio tells the page: plain data, since it crosses from one thread to another. @module */

import type { RgbPicture } from "../../report/png.ts";

/** Where the studio computes. */
export interface BackendFacts {
  /** `webgpu` or `cpu`. */
  readonly name: string;
  readonly description: string;
  /** Why others did not start: one line each. */
  readonly notes: readonly string[];
}

/** The tokenizer in use. */
export interface TokenizerFacts {
  readonly name: string;
  /** Side of its images in pixels. */
  readonly imageSize: number;
  /** Patches along a side. */
  readonly grid: number;
  /** K. */
  readonly codes: number;
  /** A colour for each code, [K, 3]; similar codes have similar ones. */
  readonly colors: Uint8Array;
}

/** The model in use. */
export interface ModelFacts {
  readonly name: string;
  readonly imageSize: number;
  readonly grid: number;
  readonly depth: number;
  readonly heads: number;
  readonly parameters: number;
  /** Why it cannot predict the tokenizer's codes; null if it can. */
  readonly noPredictions: string | null;
}

/** What is in use after files were loaded. */
export interface LoadedFacts {
  readonly tokenizer: TokenizerFacts;
  /** null before there is a model. */
  readonly model: ModelFacts | null;
  /** What the files held. */
  readonly loaded: "model" | "tokenizer";
}

/** A picture as the tokenizer sees it. */
export interface TokenView {
  readonly id: string;
  readonly picture: RgbPicture;
  /** Code of each patch, row by row. */
  readonly codes: Int32Array;
}

/** A code by what carries it. */
export interface CodeView {
  /** The mean of the patches with the code; null if there are none. */
  readonly mean: RgbPicture | null;
  /** How many of the known patches have the code. */
  readonly count: number;
  /** Some of them in their surroundings. */
  readonly patches: readonly RgbPicture[];
}

/** One random crop of a picture, as pretraining takes it. */
export interface CropView {
  readonly id: string;
  /** What the model sees before it is masked. */
  readonly student: RgbPicture;
  /** The same crop as the tokenizer sees it. */
  readonly tokenizer: RgbPicture;
  /** 1 where a patch is masked. */
  readonly mask: Uint8Array;
}

/** A picture with masked patches, and what the model makes of them. */
export interface PredictionView {
  readonly id: string;
  readonly picture: RgbPicture;
  readonly mask: Uint8Array;
  /** The tokenizer's codes, of all patches. */
  readonly targets: Int32Array;
  /** The model's codes; −1 where a patch is not masked. */
  readonly predicted: Int32Array;
  /** The picture with the masked patches drawn from the predicted codes. */
  readonly drawn: RgbPicture;
  /** The same from the tokenizer's own codes: the best that a prediction can look. */
  readonly best: RgbPicture;
}

/** Pictures in columns. */
export interface SheetView {
  readonly columns: readonly string[];
  readonly rows: readonly { readonly id: string; readonly pictures: readonly RgbPicture[] }[];
}
