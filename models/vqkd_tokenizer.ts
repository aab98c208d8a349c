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
import { codeStatistics } from "../backends/ops/code_statistics.ts";
import { cosineLoss } from "../backends/ops/cosine_loss.ts";
import { emaCodebookUpdate } from "../backends/ops/ema_codebook_update.ts";
import { l2Normalize } from "../backends/ops/l2_normalize.ts";
import { meanSquaredError } from "../backends/ops/mean_squared_error.ts";
import { nearestCode } from "../backends/ops/nearest_code.ts";
import { straightThrough } from "../backends/ops/straight_through.ts";
import { UserError } from "../core/errors.ts";
import type { Generator } from "../core/generator.ts";
import { type Fill, unitRows, zeros } from "./initial_values.ts";
import { affineSpecs, linearLayer } from "./layers/affine.ts";
import { type Initialise, ParameterSet, type ParameterSpec } from "./parameter_set.ts";
import { sphericalKMeans } from "./spherical_k_means.ts";
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

/** Number of members of each code in a batch, and the sums of their z. */
export interface CodeStatistics {
  /** [K]. */
  readonly counts: Tensor;
  /** [K, D]. */
  readonly sums: Tensor;
}

/** Restarts codes that no patch has hit for a while. */
export interface RestartOptions {
  /** Updates without a hit after which a code is restarted. */
  readonly idleSteps: number;
  /** z of the batch from which restarted codes are drawn, [n, D]. */
  readonly z: Tensor;
  /** Draws the rows of z. */
  readonly generator: Generator;
}

/** Two linear layers with a tanh between them. */
function taskLayerSpecs(prefix: string, input: number, output: number): ParameterSpec[] {
  return [
    ...affineSpecs(`${prefix}.0`, [input, input]),
    ...affineSpecs(`${prefix}.2`, [output, input]),
  ];
}

/**
 * The parameters, in the order of the published state dicts. Two buffers that unilm stores but
 * never reads (`quantize.embedding.cluster_size`, `.embed_avg`) are omitted; `quantize.idle_steps`
 * is ours: steps since a code was last hit.
 */
export function vqkdSpecs(config: VqkdConfig): ParameterSpec[] {
  const { codes, codeDim, embedDim, decoderDepth, teacherDim } = config;
  const buffer = (name: string, shape: number[], initialise: Fill = zeros): ParameterSpec => {
    return { name: `quantize.${name}`, shape, isTrainable: false, initialise };
  };
  const hasDecoder = decoderDepth > 0;
  return [
    ...visionTransformerSpecs("encoder.", vqkdEncoder(config)),
    ...(hasDecoder ? visionTransformerSpecs("decoder.", vqkdDecoder(config)) : []),
    buffer("cluster_size", [codes]),
    buffer("embedding.weight", [codes, codeDim], unitRows),
    buffer("embedding.initted", [1]),
    buffer("idle_steps", [codes]),
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

  private constructor(config: VqkdConfig, parameters: ParameterSet) {
    this.config = config;
    this.parameters = parameters;
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

  /** Whether the codebook has been initialised; reads one number back. */
  async isInitialised(): Promise<boolean> {
    const [flag] = await this.parameters.value("quantize.embedding.initted").data();
    return flag !== 0;
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
    const [ids] = withoutGradient(() => [this.#nearest(on, this.project(on, images).z)]);
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
      const nearest = this.#nearest(on, z);
      return [nearest, tf.gather(this.parameters.value("quantize.embedding.weight"), nearest)];
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

  /** Members and sums of each code, z [n, D] and ids int32 [n] → {@link CodeStatistics}. */
  statistics(on: Context, z: Tensor, ids: Tensor): CodeStatistics {
    const [counts, sums] = withoutGradient(() => {
      const statistics = codeStatistics(on, z, ids, this.config.codes);
      return [statistics.counts, statistics.sums];
    });
    return { counts, sums };
  }

  /**
   * One EMA update of codebook and cluster sizes, statistics [K], [K, D] → nothing. With several
   * micro-batches, add up their statistics and call this once per step.
   */
  updateCodebook(on: Context, statistics: CodeStatistics, restart?: RestartOptions): void {
    const codebook = this.parameters.parameter("quantize.embedding.weight");
    const clusterSize = this.parameters.parameter("quantize.cluster_size");
    const idleSteps = this.parameters.parameter("quantize.idle_steps");
    emaCodebookUpdate(on, codebook, clusterSize, statistics, this.config.decay);
    const [idle] = withoutGradient(() => {
      const isHit = tf.greater(statistics.counts, 0);
      return [tf.where(isHit, tf.zerosLike(idleSteps.value), tf.add(idleSteps.value, 1))];
    });
    idleSteps.assign(tf.keep(idle));
    if (restart !== undefined) this.#restart(restart);
  }

  /**
   * Updates the cluster sizes from the codes' usage without changing the codes, as the reference does in
   * evaluation, statistics [K] → nothing.
   */
  countUses({ counts }: Pick<CodeStatistics, "counts">): void {
    const clusterSize = this.parameters.parameter("quantize.cluster_size");
    const { decay } = this.config;
    const [updated] = withoutGradient(() => [
      tf.add(tf.mul(clusterSize.value, decay), tf.mul(counts, 1 - decay)),
    ]);
    clusterSize.assign(tf.keep(updated));
  }

  /** Initialises the codebook by k-means over samples, unit rows [n, D]; best with n ≥ K. */
  initialiseCodebook(
    on: Context,
    samples: Tensor,
    generator: Generator,
    iterations = 10,
  ): void {
    const { codes } = this.config;
    const rows = drawRows(generator, samples.shape[0], codes);
    const [means] = withoutGradient(() => {
      const first = tf.gather(samples, tf.tensor1d(rows, "int32"));
      return [sphericalKMeans(on, samples, first, iterations).means];
    });
    this.parameters.parameter("quantize.embedding.weight").assign(tf.keep(means));
    const flag = this.parameters.parameter("quantize.embedding.initted");
    flag.assign(tf.keep(tf.ones([1])));
  }

  /** Frees the parameters. */
  dispose(): void {
    this.parameters.dispose();
  }

  #nearest(on: Context, z: Tensor): Tensor {
    return nearestCode(on, z, this.parameters.value("quantize.embedding.weight"));
  }

  /** Linear, tanh, linear, x [B, N, C] → [B, N, outputs]. */
  #taskLayer(on: Context, name: string, x: Tensor): Tensor {
    const layer = this.parameters.scope(name);
    const hidden = linearLayer(on, layer.scope("0"), x, { activation: "tanh" });
    return linearLayer(on, layer.scope("2"), hidden);
  }

  #restart({ idleSteps, z, generator }: RestartOptions): void {
    const codebook = this.parameters.parameter("quantize.embedding.weight");
    const idle = this.parameters.parameter("quantize.idle_steps");
    const rows = drawRows(generator, z.shape[0], this.config.codes);
    const [newCodes, newIdle] = withoutGradient(() => {
      const isDead = tf.greaterEqual(idle.value, idleSteps);
      const places = tf.gather(z, tf.tensor1d(rows, "int32"));
      const column = tf.broadcastTo(tf.reshape(isDead, [-1, 1]), codebook.value.shape);
      return [
        tf.where(column, places, codebook.value),
        tf.where(isDead, tf.zerosLike(idle.value), idle.value),
      ];
    });
    codebook.assign(tf.keep(newCodes));
    idle.assign(tf.keep(newIdle));
  }

  #requireDecoder(): void {
    if (this.config.decoderDepth > 0) return;
    throw new UserError("Cannot train this tokenizer: it has an encoder but no decoder", {
      hint: "train from a checkpoint with decoder.* tensors, or from scratch",
    });
  }
}

/** `wanted` of `rows` row numbers: distinct if there are enough, otherwise with repetitions. */
function drawRows(generator: Generator, rows: number, wanted: number): Int32Array {
  if (rows >= wanted) return Int32Array.from(generator.permutation(rows).subarray(0, wanted));
  return Int32Array.from({ length: wanted }, () => generator.integer(0, rows - 1));
}

/**
 * Images in [0, 1] as input for the tokenizer, any shape: ×2 − 1. The reference scales by the
 * largest value in the batch, which breaks on dark batches; here the range is a contract.
 */
export function toTokenizerRange(images01: Tensor): Tensor {
  return tf.sub(tf.mul(images01, 2), 1);
}
