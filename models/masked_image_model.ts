/**
 * The model that BEiT v2 pretrains: encoder, aggregation branch, and a norm and a head shared by both.
 *
 * It does not know where its targets come from: the tokenizer is not part of it.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { linearCrossEntropy } from "../backends/ops/linear_cross_entropy.ts";
import { sliceRows } from "../backends/ops/slice_rows.ts";
import { type BeitConfig, gridSize, layerNormEpsilon, validateBeitConfig } from "./beit_config.ts";
import { BeitEncoder, type EncoderOptions, encoderSpecs } from "./beit_encoder.ts";
import { affineSpecs, linearLayer, norm } from "./layers/affine.ts";
import { type Initialise, ParameterSet, type ParameterSpec } from "./parameter_set.ts";
import { aggregatePatches, aggregationSpecs } from "./patch_aggregation_neck.ts";

/** The options of both branches. */
export interface MaskedImageOptions extends Omit<EncoderOptions, "mask" | "finalRows"> {
  /** 1 where a patch is masked, row-major [B, N]. */
  readonly mask: Uint8Array;
  /** The patches needed, as rows of [B·N], each at most once; default: the masked ones. */
  readonly positions?: Int32Array;
}

/** Patch tokens of both branches after the shared norm, [M, C]: those requested, in order. */
export interface MaskedImageOutput {
  /** Those of the final branch. */
  readonly patches: Tensor;
  /** null without aggregation blocks. */
  readonly aggregated: Tensor | null;
}

/** What the losses are computed on. */
export interface MaskedImageTargets extends MaskedImageOutput {
  /** The codes of the patches, int32 [M]. */
  readonly targets: Tensor;
}

/** The scalar to minimise, and what the log shows: `loss1`, `accuracy1`, and `2` with aggregation. */
export interface MaskedImageLoss {
  /** The sum of both branches' cross-entropies, []. */
  readonly loss: Tensor;
  /** Scalars by name. */
  readonly metrics: Readonly<Record<string, Tensor>>;
}

/**
 * The rows of the masked patches, sample by sample and row-major.
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

/** Encoder, norm and head of both branches, aggregation, in the order of microsoft/unilm's state dict. */
export function maskedImageModelSpecs(config: BeitConfig): ParameterSpec[] {
  return [
    ...encoderSpecs(config, { hasMaskToken: true }),
    ...affineSpecs("norm", [config.embedDim]),
    ...affineSpecs("lm_head", [config.codes, config.embedDim]),
    ...aggregationSpecs(config),
  ];
}

/** BEiT v2's pretraining model; 106 143 056 parameters for ViT-B/16 with 8192 codes. */
export class MaskedImageModel {
  /** Its shape. */
  readonly config: BeitConfig;
  /** All parameters, the prediction head's included. */
  readonly parameters: ParameterSet;
  /** The encoder under the prediction head. */
  readonly encoder: BeitEncoder;

  private constructor(config: BeitConfig, parameters: ParameterSet, encoder: BeitEncoder) {
    this.config = config;
    this.parameters = parameters;
    this.encoder = encoder;
  }

  /**
   * A model on `on.backend`, with the values that `initialise` returns.
   *
   * @throws UserError for an impossible config
   */
  static create(on: Context, config: BeitConfig, initialise: Initialise): MaskedImageModel {
    validateBeitConfig(config);
    const parameters = ParameterSet.create(on, maskedImageModelSpecs(config), initialise);
    return new MaskedImageModel(config, parameters, new BeitEncoder(on, config, parameters));
  }

  /**
   * Both branches, images [B, 3, S, S] → patch tokens [M, C]. Tokens that are not requested are not computed:
   * once the last block of either branch has attended to all tokens, it continues with the requested ones.
   */
  encode(on: Context, images: Tensor, options: MaskedImageOptions): MaskedImageOutput {
    // Everything else that the backward pass needs is on the tape.
    return tf.tidy(() => this.#encode(on, images, options) as never);
  }

  #encode(on: Context, images: Tensor, options: MaskedImageOptions): MaskedImageOutput {
    const { config, parameters } = this;
    const { positions = maskedPositions(options.mask), ...rest } = options;
    const [batch, patchCount] = [images.shape[0], gridSize(config) ** 2];
    const mask = tf.tensor2d(Float32Array.from(options.mask), [batch, patchCount]);
    const forward = (finalRows: Int32Array) => {
      return this.encoder.forward(on, images, { ...rest, mask, finalRows });
    };
    // Each sequence starts with its cls token.
    const patchRows = positions.map((row) => row + Math.floor(row / patchCount) + 1);
    if (config.headLayers === 0) {
      return { patches: this.#normalise(on, forward(patchRows).final), aggregated: null };
    }
    const rows = new Int32Array(batch + patchRows.length);
    for (let sample = 0; sample < batch; sample++) rows[sample] = sample * (patchCount + 1);
    rows.set(patchRows, batch);
    const encoded = forward(rows);
    const cls = sliceRows(on, encoded.final, 0, batch);
    const patches = sliceRows(on, encoded.final, batch, positions.length);
    const aggregated = aggregatePatches(on, config, parameters, { ...encoded, cls }, {
      ...rest,
      finalRows: patchRows,
    });
    return { patches: this.#normalise(on, patches), aggregated: this.#normalise(on, aggregated) };
  }

  /** Cross-entropy of the patches' codes, summed over the branches → scalars. */
  loss(on: Context, { patches, aggregated, targets }: MaskedImageTargets): MaskedImageLoss {
    const head = this.parameters.scope("lm_head");
    const [weight, bias] = [head.value("weight"), head.value("bias")];
    const first = linearCrossEntropy(on, { x: patches, weight, bias, targets });
    const metrics = { loss1: first.loss, accuracy1: first.correct };
    if (aggregated === null) return { loss: first.loss, metrics };
    const second = linearCrossEntropy(on, { x: aggregated, weight, bias, targets });
    return {
      loss: tf.add(first.loss, second.loss),
      metrics: { ...metrics, loss2: second.loss, accuracy2: second.correct },
    };
  }

  /** Logits of patch tokens [M, C] → [M, K], for pictures. */
  logits(on: Context, patches: Tensor): Tensor {
    return linearLayer(on, this.parameters.scope("lm_head"), patches);
  }

  /** Frees the parameters. */
  dispose(): void {
    this.encoder.dispose();
    this.parameters.dispose();
  }

  /** The norm shared by the branches, x [M, C] → [M, C]. */
  #normalise(on: Context, x: Tensor): Tensor {
    return norm(on, this.parameters.scope("norm"), x, layerNormEpsilon(this.config));
  }
}
