/**
 * What a VQ-KD tokenizer learns from: a frozen function from images to one vector per patch.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { NamedValues } from "../parameter_set.ts";

/** The images of a batch, in both forms that teachers use. */
export interface TeacherImages {
  /** [B, 3, S, S] in [0, 1]. */
  readonly images01: Tensor;
  /** The same as RGB bytes [B, S, S, 3]. */
  readonly pixels: Uint8Array;
}

/** Computes targets for the tokenizer's reconstruction; it does its own preprocessing. */
export interface Teacher {
  /** Its name in configs: `clip`, `dino`, `hog`, … */
  readonly name: string;
  /** Width T of a target. */
  readonly targetDim: number;
  /** Number of values that it keeps on the device. */
  readonly parameterCount: number;
  /** Features of every patch, row-major [B, N, T]; constants as far as gradients are concerned. */
  targets(on: Context, images: TeacherImages): Tensor;
  /**
   * What a tokenizer's checkpoint must hold for training to continue with the same teacher; empty
   * if the teacher has its own file.
   */
  state(): Map<string, NamedValues>;
  /** Everything that determines its features, to distinguish them from another teacher's. */
  weights(): Promise<ReadonlyMap<string, NamedValues>>;
  /** Frees its parameters. */
  dispose(): void;
}

/** Mean and standard deviation of each colour channel, for values in [0, 1]. */
export interface ChannelStatistics {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** The normalisation for DINO, BEiT and most models trained on ImageNet. */
export const imagenetStatistics: ChannelStatistics = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};

/** To [−1, 1]: the normalisation for SigLIP and Google's ViTs. */
export const halfStatistics: ChannelStatistics = {
  mean: [0.5, 0.5, 0.5],
  deviation: [0.5, 0.5, 0.5],
};

/** The normalisation for CLIP. */
export const clipStatistics: ChannelStatistics = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};
