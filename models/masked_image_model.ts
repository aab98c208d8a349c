/**
 * The model that BEiT v2 pretrains: encoder, aggregation branch, and one norm and one head for both.
 *
 * It does not know where its targets come from: the tokenizer is not a part of it.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { linear } from "../backends/ops/linear.ts";
import { maskedCrossEntropy } from "../backends/ops/masked_cross_entropy.ts";
import { takeTokens } from "../backends/ops/take_tokens.ts";
import { type BeitConfig, layerNormEpsilon, validateBeitConfig } from "./beit_config.ts";
import { BeitEncoder, type EncoderOptions } from "./beit_encoder.ts";
import { norm } from "./layers/block.ts";
import { type Initialise, ParameterSet } from "./parameter_set.ts";
import { maskedImageModelSpecs } from "./parameter_specs.ts";
import { aggregatePatches } from "./patch_aggregation_neck.ts";

/** Patch tokens of both branches after the shared norm, [B, N, C]. */
export interface MaskedImageOutput {
  readonly patches: Tensor;
  /** null without aggregation blocks. */
  readonly aggregated: Tensor | null;
}

/** What the losses are taken of. */
export interface MaskedImageTargets extends MaskedImageOutput {
  /** Rows of `patches`, seen as [B·N, C], that were masked, int32 [M]: see {@link maskedPositions}. */
  readonly positions: Tensor;
  /** The codes of those rows, int32 [M]. */
  readonly targets: Tensor;
}

/** The scalar to minimise, and what the log shows: `loss1`, `accuracy1`, and `2` with aggregation. */
export interface MaskedImageLoss {
  readonly loss: Tensor;
  readonly metrics: Readonly<Record<string, Tensor>>;
}

/**
 * The rows of the patches that are masked, sample by sample and row-major.
 *
 * @example
 * ```ts
 * import { maskedPositions } from "./masked_image_model.ts";
 * if (maskedPositions(new Uint8Array([0, 1, 1, 0])).join() !== "1,2") throw new Error();
 * ```
 */
export function maskedPositions(mask: Uint8Array): Int32Array {
  const positions: number[] = [];
  for (let row = 0; row < mask.length; row++) if (mask[row] !== 0) positions.push(row);
  return Int32Array.from(positions);
}

/** BEiT v2's pretraining model; 106 143 056 parameters for ViT-B/16 with 8192 codes. */
export class MaskedImageModel {
  readonly config: BeitConfig;
  readonly parameters: ParameterSet;
  readonly encoder: BeitEncoder;

  private constructor(config: BeitConfig, parameters: ParameterSet, encoder: BeitEncoder) {
    this.config = config;
    this.parameters = parameters;
    this.encoder = encoder;
  }

  /**
   * A model on `on.backend`, with the values that `initialise` gives.
   *
   * @throws UserError for a config that no model fits
   */
  static create(on: Context, config: BeitConfig, initialise: Initialise): MaskedImageModel {
    validateBeitConfig(config);
    const parameters = ParameterSet.create(on, maskedImageModelSpecs(config), initialise);
    return new MaskedImageModel(config, parameters, new BeitEncoder(on, config, parameters));
  }

  /** Both branches, images [B, 3, S, S] and mask [B, N] → patch tokens [B, N, C]. */
  encode(
    on: Context,
    images: Tensor,
    options: EncoderOptions & { mask: Tensor },
  ): MaskedImageOutput {
    // All else that the backward pass needs is on the tape.
    return tf.tidy(() => this.#encode(on, images, options) as never);
  }

  #encode(
    on: Context,
    images: Tensor,
    options: EncoderOptions & { mask: Tensor },
  ): MaskedImageOutput {
    const { config, parameters } = this;
    const encoded = this.encoder.forward(on, images, options);
    const patches = this.#normalisePatches(on, encoded.final);
    if (config.headLayers === 0) return { patches, aggregated: null };
    const tokens = aggregatePatches(on, config, parameters, encoded, options);
    return { patches, aggregated: this.#normalisePatches(on, tokens) };
  }

  /** Cross-entropy of the masked patches' codes, summed over the branches → scalars. */
  loss(on: Context, encoded: MaskedImageTargets): MaskedImageLoss {
    const { positions, targets } = encoded;
    const weight = this.parameters.value("lm_head.weight");
    const bias = this.parameters.value("lm_head.bias");
    const branch = (x: Tensor) => {
      return maskedCrossEntropy(on, { x, positions, weight, bias, targets });
    };
    const first = branch(encoded.patches);
    const metrics = { loss1: first.loss, accuracy1: first.correct };
    if (encoded.aggregated === null) return { loss: first.loss, metrics };
    const second = branch(encoded.aggregated);
    return {
      loss: tf.add(first.loss, second.loss),
      metrics: { ...metrics, loss2: second.loss, accuracy2: second.correct },
    };
  }

  /** Logits of chosen rows, patches [B, N, C] and positions int32 [M] → [M, K]: for pictures. */
  logits(on: Context, patches: Tensor, positions: Tensor): Tensor {
    const rows = tf.gather(tf.reshape(patches, [-1, this.config.embedDim]), positions);
    const head = this.parameters.scope("lm_head");
    return linear(on, rows, head.value("weight"), head.value("bias"));
  }

  dispose(): void {
    this.encoder.dispose();
    this.parameters.dispose();
  }

  /** Patch tokens after the shared norm, x [B, N + 1, C] → [B, N, C]. */
  #normalisePatches(on: Context, x: Tensor): Tensor {
    const patches = takeTokens(on, x, "patches");
    return norm(on, this.parameters, "norm", patches, layerNormEpsilon);
  }
}
