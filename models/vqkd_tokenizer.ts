/**
 * VQ-KD: the tokenizer that gives BEiT v2 its visual tokens (arXiv 2208.06366, section 3.1; after
 * `modeling_vqkd.py` and `norm_ema_quantizer.py` of microsoft/unilm).
 *
 * It does not compute the teacher's features: they are passed in as targets.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { cosineLoss } from "../backends/ops/cosine_loss.ts";
import { l2Normalize } from "../backends/ops/l2_normalize.ts";
import { meanSquaredError } from "../backends/ops/mean_squared_error.ts";
import { straightThrough } from "../backends/ops/straight_through.ts";
import { UserError } from "../core/errors.ts";
import { affineSpecs, linearLayer } from "./layers/affine.ts";
import { Codebook, codebookSpecs } from "./layers/codebook.ts";
import { type Initialise, ParameterSet, type ParameterSpec } from "./parameter_set.ts";
import { visionTransformer, visionTransformerSpecs } from "./vision_transformer.ts";
import { validateVqkdConfig, type VqkdConfig, vqkdDecoder, vqkdEncoder } from "./vqkd_config.ts";
import { withoutGradient } from "../backends/tfjs/without_gradient.ts";

/** The encoder's output for images, one row per patch. */
export interface VqkdEncoding {
  /** Encoder output, [B, N, C]. */
  readonly features: Tensor;
  /** In code space, before normalisation, [B·N, D]. */
  readonly projected: Tensor;
  /** Unit rows, [B·N, D]. */
  readonly z: Tensor;
}

/** The result of a training forward pass. */
export interface VqkdOutput extends VqkdEncoding {
  /** Code of every patch, int32 [B·N]. */
  readonly ids: Tensor;
  /** Code vectors as input to the decoder, [B·N, D]. */
  readonly quantized: Tensor;
  /** Decoder output, [B, N, C]. */
  readonly decoded: Tensor;
  /** Predicted teacher features, [B, N, T]. */
  readonly reconstruction: Tensor;
  /** Scalar to minimise: reconstruction + quantisation loss. */
  readonly loss: Tensor;
  /** Mean of 1 − cosine similarity to the teacher. */
  readonly reconstructionLoss: Tensor;
  /** β times the mean squared distance between z and its code. */
  readonly quantizationLoss: Tensor;
}

/** Two linear layers with a tanh between them. */
function taskLayerSpecs(prefix: string, input: number, output: number): ParameterSpec[] {
  return [
    ...affineSpecs(`${prefix}.0`, [input, input]),
    ...affineSpecs(`${prefix}.2`, [output, input]),
  ];
}

/** The parameters, in the order of the published state dicts. */
export function vqkdSpecs(config: VqkdConfig): ParameterSpec[] {
  const { codes, codeDim, embedDim, decoderDepth, teacherDim } = config;
  const hasDecoder = decoderDepth > 0;
  return [
    ...visionTransformerSpecs("encoder.", vqkdEncoder(config)),
    ...(hasDecoder ? visionTransformerSpecs("decoder.", vqkdDecoder(config)) : []),
    ...codebookSpecs("quantize", codes, codeDim),
    ...taskLayerSpecs("encode_task_layer", embedDim, codeDim),
    ...(hasDecoder ? taskLayerSpecs("decode_task_layer", embedDim, teacherDim) : []),
  ];
}

/** Encoder, codebook and decoder. */
export class VqkdTokenizer {
  /** Its shape. */
  readonly config: VqkdConfig;
  /** All parameters and the codebook with its statistics. */
  readonly parameters: ParameterSet;
  /** The codes and their statistics. */
  readonly codebook: Codebook;

  private constructor(config: VqkdConfig, parameters: ParameterSet) {
    this.config = config;
    this.parameters = parameters;
    this.codebook = new Codebook(parameters.scope("quantize"), config.decay);
  }

  /**
   * A tokenizer on `on.backend`, with the values that `initialise` returns.
   *
   * @throws UserError for an impossible config
   */
  static create(on: Context, config: VqkdConfig, initialise: Initialise): VqkdTokenizer {
    validateVqkdConfig(config);
    return new VqkdTokenizer(config, ParameterSet.create(on, vqkdSpecs(config), initialise));
  }

  /** The codes, unit rows [K, D]. */
  get vectors(): Tensor {
    return this.codebook.vectors;
  }

  /** Encoder and projection, images [B, 3, S, S] in [−1, 1] → {@link VqkdEncoding}. */
  project(on: Context, images: Tensor, recompute = 0): VqkdEncoding {
    const { config, parameters } = this;
    const scope = parameters.scope("encoder");
    const features = visionTransformer(on, vqkdEncoder(config), scope, images, recompute);
    // In float32 whatever the precision, as in the reference: ids depend on small differences.
    const exact: Context = { ...on, precision: "float32" };
    const projected = this.#taskLayer(exact, "encode_task_layer", features);
    const rows = tf.reshape(projected, [-1, config.codeDim]);
    return { features, projected: rows, z: l2Normalize(exact, rows) };
  }

  /**
   * The visual tokens of images, [B, 3, S, S] in [−1, 1] → ids int32 [B·N], row-major. Frozen: no
   * gradient, no codebook update. If two codes are equally close, the lower id wins.
   */
  encode(on: Context, images: Tensor): Tensor {
    const [ids] = withoutGradient(() => [this.codebook.nearest(on, this.project(on, images).z)]);
    return ids;
  }

  /**
   * Images in [−1, 1] and teacher features [B, N, T] → losses; does not change the codebook. The
   * encoder's first `recompute` blocks keep only their input for the backward pass.
   */
  forward(on: Context, images: Tensor, targets: Tensor, recompute = 0): VqkdOutput {
    const { config } = this;
    this.#requireDecoder();
    const encoding = this.project(on, images, recompute);
    const { z } = encoding;
    const [ids, codes] = withoutGradient(() => {
      const nearest = this.codebook.nearest(on, z);
      return [nearest, tf.gather(this.codebook.vectors, nearest)];
    });
    const quantized = straightThrough(on, z, codes);
    const { decoded, reconstruction } = this.decode(on, quantized);
    const rows = (x: Tensor) => tf.reshape(x, [-1, config.teacherDim]);
    const reconstructionLoss = cosineLoss(on, rows(reconstruction), rows(targets));
    const distance = meanSquaredError(on, z, codes);
    const quantizationLoss = tf.mul(distance, config.quantizationWeight);
    const loss = tf.add(reconstructionLoss, quantizationLoss);
    return {
      ...encoding,
      ids,
      quantized,
      decoded,
      reconstruction,
      loss,
      reconstructionLoss,
      quantizationLoss,
    };
  }

  /** Code vectors [B·N, D] → decoder output [B, N, C] and predicted teacher features [B, N, T]. */
  decode(on: Context, quantized: Tensor): { decoded: Tensor; reconstruction: Tensor } {
    const { config, parameters } = this;
    this.#requireDecoder();
    const decoder = vqkdDecoder(config);
    const tokens = tf.reshape(quantized, [-1, decoder.gridSize ** 2, config.codeDim]);
    const decoded = visionTransformer(on, decoder, parameters.scope("decoder"), tokens);
    return { decoded, reconstruction: this.#taskLayer(on, "decode_task_layer", decoded) };
  }

  /** Frees the parameters. */
  dispose(): void {
    this.parameters.dispose();
  }

  /** Linear, tanh, linear, x [B, N, C] → [B, N, outputs]. */
  #taskLayer(on: Context, name: string, x: Tensor): Tensor {
    const layer = this.parameters.scope(name);
    const hidden = linearLayer(on, layer.scope("0"), x, { activation: "tanh" });
    return linearLayer(on, layer.scope("2"), hidden);
  }

  #requireDecoder(): void {
    if (this.config.decoderDepth > 0) return;
    throw new UserError("Cannot train this tokenizer: it has an encoder but no decoder", {
      hint: "train from a checkpoint with decoder.* tensors, or from scratch",
    });
  }
}

/**
 * Images in [0, 1] as input for the tokenizer, any shape: ×2 − 1. The reference scales by the
 * largest value in the batch, which breaks on dark batches; here the range is a contract.
 */
export function toTokenizerRange(images01: Tensor): Tensor {
  return tf.sub(tf.mul(images01, 2), 1);
}
