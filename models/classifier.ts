/**
 * The model for fine-tuning: encoder, mean of the patch tokens, norm, linear head. Published models may pool
 * differently.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { takeTokens } from "../backends/ops/take_tokens.ts";
import { UserError } from "../core/errors.ts";
import { type BeitConfig, layerNormEpsilon, validateBeitConfig } from "./beit_config.ts";
import { BeitEncoder, type EncoderOptions, encoderSpecs } from "./beit_encoder.ts";
import { affineSpecs, linearLayer, norm } from "./layers/affine.ts";
import { type Initialise, ParameterSet, type ParameterSpec } from "./parameter_set.ts";
import { poolingNorm } from "../core/transformer_traits.ts";

/** The config of a classifier on a pretrained encoder: each block gets its own position table. */
export function classifierConfig(pretrained: BeitConfig, classes: number): BeitConfig {
  const isRelative = pretrained.usesSharedRelativePositionBias ||
    pretrained.usesRelativePositionBias;
  return {
    ...pretrained,
    classes,
    usesSharedRelativePositionBias: false,
    usesRelativePositionBias: isRelative,
  };
}

/** Encoder, the norm for the pooled tokens, and head; `config.classes` must be set. */
export function classifierSpecs(config: BeitConfig): ParameterSpec[] {
  const { embedDim, pooling } = config;
  const pooled = (pooling === "clsAndMean" ? 2 : 1) * embedDim;
  return [
    ...encoderSpecs(config, { hasMaskToken: false }),
    ...affineSpecs(poolingNorm(config), [embedDim]),
    ...affineSpecs("head", [config.classes!, pooled], (scheme) => scheme.head),
  ];
}

/** An image classifier; 86 530 984 parameters for ViT-B/16 with 1000 classes. */
export class Classifier {
  /** The encoder's shape and the number of classes. */
  readonly config: BeitConfig;
  /** All parameters, the head's included. */
  readonly parameters: ParameterSet;
  /** The encoder under the head. */
  readonly encoder: BeitEncoder;

  private constructor(config: BeitConfig, parameters: ParameterSet, encoder: BeitEncoder) {
    this.config = config;
    this.parameters = parameters;
    this.encoder = encoder;
  }

  /**
   * A model on `on.backend`, with the values that `initialise` returns.
   *
   * @throws UserError for an impossible config, or one without `classes`
   */
  static create(on: Context, config: BeitConfig, initialise: Initialise): Classifier {
    validateBeitConfig(config);
    if (config.classes === undefined) {
      throw new UserError("Cannot build a classifier: model.classes is not set", {
        hint: "set it to the number of classes",
      });
    }
    const parameters = ParameterSet.create(on, classifierSpecs(config), initialise);
    return new Classifier(config, parameters, new BeitEncoder(on, config, parameters));
  }

  /** Class scores before softmax, images [B, 3, S, S] → [B, classes]. */
  logits(
    on: Context,
    images: Tensor,
    options: Pick<EncoderOptions, "dropPath" | "recompute">,
  ): Tensor {
    return tf.tidy(() => {
      const { final } = this.encoder.forward(on, images, { ...options, mask: null });
      return linearLayer(on, this.parameters.scope("head"), this.#pool(on, final));
    });
  }

  /** tokens [B, N + 1, C] → [B, C], or [B, 2·C]. */
  #pool(on: Context, tokens: Tensor): Tensor {
    const { pooling = "meanThenNorm" } = this.config;
    const scope = this.parameters.scope(poolingNorm(this.config));
    const normed = (x: Tensor) => norm(on, scope, x, layerNormEpsilon(this.config));
    if (pooling === "meanThenNorm") return normed(takeTokens(on, tokens, "meanPatches"));
    if (pooling === "cls") return normed(takeTokens(on, tokens, "cls"));
    const mean = takeTokens(on, normed(tokens), "meanPatches");
    if (pooling === "normThenMean") return mean;
    return tf.concat([normed(takeTokens(on, tokens, "cls")), mean], 1);
  }

  /** Frees the parameters. */
  dispose(): void {
    this.encoder.dispose();
    this.parameters.dispose();
  }
}
