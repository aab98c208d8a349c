/**
 * The segmentation model: encoder, feature pyramid, head.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import type { DropPathDraws } from "../layers/drop_path.ts";
import { BeitEncoder, encoderSpecs } from "../beit_encoder.ts";
import { type Initialise, ParameterSet, type ParameterSpec } from "../parameter_set.ts";
import { featurePyramid, mapOfTokens, pyramidSpecs } from "./feature_pyramid.ts";
import {
  fcnHead,
  fcnSpecs,
  type HeadOptions,
  linearHead,
  linearHeadSpecs,
  uperNet,
  uperNetSpecs,
} from "./heads.ts";
import { type SegmenterConfig, validateSegmenterConfig } from "./segmenter_config.ts";

/** The pyramid level that the auxiliary head reads: the one at the patch grid. */
const auxiliaryLevel = 2;

/** Scores at every position of the images' maps. */
export interface SegmenterOutput {
  /**
   * Of the head, [B, H, W, classes]: UPerNet's at 4 times the patch grid, the linear one's at the patch grid.
   */
  readonly logits: Tensor;
  /** Of the auxiliary head in training, [B, H, W, classes] at the patch grid; otherwise null. */
  readonly auxiliary: Tensor | null;
}

/** All parameters: the encoder's, and the heads' under mmsegmentation's names. */
export function segmenterSpecs(config: SegmenterConfig): ParameterSpec[] {
  const encoder = encoderSpecs(config.encoder, { hasMaskToken: false });
  if (config.head === "linear") return [...encoder, ...linearHeadSpecs("decode_head", config)];
  return [
    ...encoder,
    ...pyramidSpecs(config.encoder.embedDim),
    ...uperNetSpecs("decode_head", config),
    ...(config.auxiliaryWeight > 0 ? fcnSpecs("auxiliary_head", config) : []),
  ];
}

/** A BEiT with a segmentation head. */
export class Segmenter {
  /** The encoder and the heads. */
  readonly config: SegmenterConfig;
  /** All parameters, those of the heads included. */
  readonly parameters: ParameterSet;
  /** The encoder under the heads. */
  readonly encoder: BeitEncoder;

  private constructor(config: SegmenterConfig, parameters: ParameterSet, encoder: BeitEncoder) {
    this.config = config;
    this.parameters = parameters;
    this.encoder = encoder;
  }

  /**
   * A model on `on.backend`, with the values that `initialise` returns.
   *
   * @throws UserError for an impossible config
   */
  static create(on: Context, config: SegmenterConfig, initialise: Initialise): Segmenter {
    validateSegmenterConfig(config);
    const parameters = ParameterSet.create(on, segmenterSpecs(config), initialise);
    return new Segmenter(config, parameters, new BeitEncoder(on, config.encoder, parameters));
  }

  /**
   * Class scores, images [B, 3, S, S].
   *
   * @param training draws drop path and dropout; null outside training, where running statistics are used
   * @param recompute number of blocks recomputed in the backward pass
   */
  forward(
    on: Context,
    images: Tensor,
    training: DropPathDraws | null,
    recompute = 0,
  ): SegmenterOutput {
    const options = { mask: null, dropPath: training, recompute };
    const [logits, auxiliary] = tf.tidy(() => {
      const { states } = this.encoder.forward(on, images, options);
      const maps = this.config.outBlocks.map((block) => mapOfTokens(on, states[block]));
      const output = this.decode(on, maps, training);
      return output.auxiliary === null ? [output.logits] : [output.logits, output.auxiliary];
    });
    return { logits, auxiliary: auxiliary ?? null };
  }

  /** Everything after the encoder: the maps [B, √N, √N, C] of `outBlocks` → scores. */
  decode(on: Context, maps: readonly Tensor[], training: DropPathDraws | null): SegmenterOutput {
    const { config, parameters } = this;
    const isTraining = training !== null;
    const options = (name: string): HeadOptions => ({
      isTraining,
      dropout: config.dropout,
      draws: training === null
        ? null
        : { generator: training.generator.split("dropout", name), first: training.first },
    });
    const head = parameters.scope("decode_head");
    if (config.head === "linear") {
      return { logits: linearHead(on, head, maps.at(-1)!, options("head")), auxiliary: null };
    }
    const { poolScales, auxiliaryWeight } = config;
    const pyramid = featurePyramid(on, parameters, maps, isTraining);
    const logits = uperNet(on, head, pyramid, { ...options("head"), poolScales });
    if (!isTraining || auxiliaryWeight === 0) return { logits, auxiliary: null };
    const other = parameters.scope("auxiliary_head");
    const auxiliary = fcnHead(on, other, pyramid[auxiliaryLevel], options("auxiliary"));
    return { logits, auxiliary };
  }

  /** Frees the parameters. */
  dispose(): void {
    this.encoder.dispose();
    this.parameters.dispose();
  }
}
