/**
 * What a VQ-KD tokenizer learns from: a frozen function from images to one vector for each patch.
 *
 * @module
 */

import type { Tensor } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { NamedValues } from "../parameter_set.ts";

/** The images of a batch, in both forms that teachers work on. */
export interface TeacherImages {
  /** [B, 3, S, S] in [0, 1]. */
  readonly images01: Tensor;
  /** The same as RGB bytes [B, S, S, 3]. */
  readonly pixels: Uint8Array;
}

/** Gives targets for the tokenizer's reconstruction; it has its own preprocessing. */
export interface Teacher {
  /** As configs name it: `clip`, `dino`, `hog`, … */
  readonly name: string;
  /** Width T of a target. */
  readonly targetDim: number;
  /** Numbers that it keeps on the device. */
  readonly parameterCount: number;
  /** Features of every patch, row-major [B, N, T]; constants, as far as gradients go. */
  targets(on: Context, images: TeacherImages): Tensor;
  /**
   * What a checkpoint of the tokenizer must hold for training to go on with the same teacher; empty
   * where the teacher comes from a file of its own.
   */
  state(): Map<string, NamedValues>;
  /** All that decides its features, so that they can be told from another teacher's. */
  weights(): Promise<ReadonlyMap<string, NamedValues>>;
  dispose(): void;
}

/** Mean and standard deviation of each colour channel, of values in [0, 1]. */
export interface ChannelStatistics {
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** What DINO, BEiT and most models trained on ImageNet normalise with. */
export const imagenetStatistics: ChannelStatistics = {
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};

/** To [−1, 1]: what SigLIP and the ViTs of Google normalise with. */
export const halfStatistics: ChannelStatistics = {
  mean: [0.5, 0.5, 0.5],
  deviation: [0.5, 0.5, 0.5],
};

/** What CLIP normalises with. */
export const clipStatistics: ChannelStatistics = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  deviation: [0.26862954, 0.26130258, 0.27577711],
};
