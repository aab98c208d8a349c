/**
 * The model for fine-tuning: encoder, mean of the patch tokens, norm, linear head. Published models may pool
 * differently.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { linear } from "../backends/ops/linear.ts";
import { takeTokens } from "../backends/ops/take_tokens.ts";
import { UserError } from "../core/errors.ts";
import { type BeitConfig, layerNormEpsilon, validateBeitConfig } from "./beit_config.ts";
import { BeitEncoder, type EncoderOptions } from "./beit_encoder.ts";
import { norm } from "./layers/block.ts";
import { type Initialise, ParameterSet } from "./parameter_set.ts";
import { classifierSpecs } from "./parameter_specs.ts";
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

/** An image classifier; 86 530 984 parameters for ViT-B/16 with 1000 classes. */
export class Classifier {
  readonly config: BeitConfig;
  readonly parameters: ParameterSet;
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
      const features = this.#pool(on, final);
      const head = this.parameters.scope("head");
      return linear(on, features, head.value("weight"), head.value("bias"));
    });
  }

  /** tokens [B, N + 1, C] → [B, C], or [B, 2·C]. */
  #pool(on: Context, tokens: Tensor): Tensor {
    const { pooling = "meanThenNorm" } = this.config;
    const normed = (x: Tensor) => {
      const name = poolingNorm(this.config);
      return norm(on, this.parameters, name, x, layerNormEpsilon(this.config));
    };
    if (pooling === "meanThenNorm") return normed(takeTokens(on, tokens, "meanPatches"));
    if (pooling === "cls") return normed(takeTokens(on, tokens, "cls"));
    const mean = takeTokens(on, normed(tokens), "meanPatches");
    if (pooling === "normThenMean") return mean;
    return tf.concat([normed(takeTokens(on, tokens, "cls")), mean], 1);
  }

  dispose(): void {
    this.encoder.dispose();
    this.parameters.dispose();
  }
}
