/**
 * BEiT's vision transformer and its relatives: patch embedding with masked tokens, then blocks.
 *
 * It has no final norm (its users bring their own) and does not draw masks.
 *
 * @module
 */

import { type Tensor, tf } from "../deps/tfjs.ts";
import type { Context } from "../backends/backend.ts";
import { firstTokens, withMeanToken } from "../backends/ops/extra_tokens.ts";
import { selectRows } from "../backends/ops/select_rows.ts";
import { type BeitConfig, gridSize, layerNormEpsilon, validateBeitConfig } from "./beit_config.ts";
import {
  block,
  blockAttention,
  type BlockOptions,
  type BlockShape,
  blockSpecs,
} from "./layers/block.ts";
import {
  drawBlockKeep,
  type DropPathDraws,
  dropPathRates,
  type DropPathSource,
} from "./layers/drop_path.ts";
import { embed, type EmbeddingShape, embeddingSpecs, embedPatches } from "./layers/embedding.ts";
import { zeros } from "./initial_values.ts";
import { PositionBias, positionTableSpecs } from "./layers/position_bias.ts";
import type { ParameterScope, ParameterSpec } from "./parameter_set.ts";
import { relativePositionRows } from "../core/relative_position.ts";
import { classTokens } from "../core/transformer_traits.ts";
import { withoutGradient } from "../backends/tfjs/without_gradient.ts";

/** The options of one forward pass. */
export interface EncoderOptions {
  /** [B, N] of 0 and 1: 1 replaces the patch with the mask token; null for none. */
  readonly mask: Tensor | null;
  /** Draws drop path; null outside training. */
  readonly dropPath: DropPathDraws | null;
  /**
   * Number of blocks, from the first, that keep only their input for the backward pass; default: 0.
   * The aggregation's come after the encoder's.
   */
  readonly recompute?: number;
  /**
   * The tokens needed from the last block, as rows of [B·(N + 1)], each at most once; default: all. Only the
   * keys and values are computed for the others.
   */
  readonly finalRows?: Int32Array | null;
}

/**
 * The result of a forward pass. None of the outputs include registers; without a class token, the mean of the
 * patches takes its place.
 */
export interface EncoderOutput {
  /** Tokens after `earlyLayers` blocks, [B, N + 1, C]; token 0 is the cls token. */
  readonly early: Tensor;
  /** Tokens after the last block, [B, N + 1, C], or [M, C] for the rows requested. */
  readonly final: Tensor;
  /** Tokens after each block, in order. */
  readonly states: readonly Tensor[];
  /** The bias shared by all blocks, [H, N + 1, N + 1], or null. */
  readonly sharedBias: Tensor | null;
}

/** The blocks of a {@link BeitConfig}. */
export function beitBlock(config: BeitConfig): BlockShape {
  return {
    embedDim: config.embedDim,
    heads: config.heads,
    mlpRatio: config.mlpRatio,
    layerScale: config.layerScaleInitValue,
    relativePositionRows: config.usesRelativePositionBias ? positionRows(config) : 0,
    attentionBias: config.attentionBias ?? "qv",
  };
}

function positionRows(config: BeitConfig): number {
  return relativePositionRows(gridSize(config));
}

function beitEmbedding(config: BeitConfig): EmbeddingShape {
  const inputNormEpsilon = layerNormEpsilon(config);
  return {
    ...config,
    side: gridSize(config),
    classTokens: classTokens(config),
    ...(config.hasInputNorm ? { inputNormEpsilon } : {}),
  };
}

/**
 * The parameters of a {@link BeitEncoder} under BEiT's names (`patch_embed.proj.weight`,
 * `blocks.0.attn.qkv.weight`, …), in the order of microsoft/unilm's state dict.
 *
 * @param options `hasMaskToken`: whether patches are replaced by a learned token before the blocks
 */
export function encoderSpecs(
  config: BeitConfig,
  options: { hasMaskToken: boolean },
): ParameterSpec[] {
  const shape = beitBlock(config);
  const blocks = Array.from({ length: config.depth }, (_, layer) => {
    return blockSpecs(`blocks.${layer}`, shape, { layer });
  });
  const sharedRows = config.usesSharedRelativePositionBias ? positionRows(config) : 0;
  return [
    ...embeddingSpecs("", beitEmbedding(config), options.hasMaskToken),
    ...positionTableSpecs("rel_pos_bias", [sharedRows, config.heads], () => zeros),
    ...blocks.flat(),
  ];
}

/** The encoder of a {@link BeitConfig}; its parameters belong to the enclosing model. */
export class BeitEncoder {
  /** Its shape. */
  readonly config: BeitConfig;
  readonly #parameters: ParameterScope;
  readonly #positionBias: PositionBias | null;

  /** On parameters named by `encoderSpecs`, seen without the enclosing model's prefix. */
  constructor(on: Context, config: BeitConfig, parameters: ParameterScope) {
    validateBeitConfig(config);
    this.config = config;
    this.#parameters = parameters;
    const isRelative = config.usesSharedRelativePositionBias || config.usesRelativePositionBias;
    this.#positionBias = isRelative ? new PositionBias(on, gridSize(config)) : null;
  }

  /** Images as patch tokens without positions, images [B, 3, S, S] → [B, N, C]. */
  embedPatches(on: Context, images: Tensor): Tensor {
    return embedPatches(on, beitEmbedding(this.config), this.#parameters, images);
  }

  /**
   * Images as the tokens that the first block takes, images [B, 3, S, S] → [B, N + 1, C]: the class
   * token, then the patches, with their positions if the config has absolute ones.
   *
   * @param mask [B, N] of 0 and 1: 1 replaces the patch with the mask token
   */
  embed(on: Context, images: Tensor, mask: Tensor | null = null): Tensor {
    return embed(on, beitEmbedding(this.config), this.#parameters, images, mask);
  }

  /** All blocks over the embedded tokens, images [B, 3, S, S] → {@link EncoderOutput}. */
  forward(on: Context, images: Tensor, options: EncoderOptions): EncoderOutput {
    const { config } = this;
    const { finalRows = null } = options;
    const { states: all, sharedBias } = this.#run(on, images, options);
    const states = all.map((state) => this.#shown(on, state));
    const last = states[config.depth - 1];
    // The early output is needed in full, even if it is the last one.
    const final = finalRows !== null && config.earlyLayers === config.depth
      ? selectRows(on, last, tf.tensor1d(finalRows, "int32"))
      : last;
    return { early: states[Math.max(config.earlyLayers, 1) - 1], final, states, sharedBias };
  }

  /** Like {@link BeitEncoder.forward}, with every token. */
  #run(
    on: Context,
    images: Tensor,
    options: EncoderOptions,
  ): Pick<EncoderOutput, "states" | "sharedBias"> {
    const { config } = this;
    const parameters = this.#parameters;
    let x = this.embed(on, images, options.mask);
    const sharedBias = this.sharedBias(on);
    const rates = dropPathRates(config.dropPathRate, config.depth);
    const source = dropPathSource(config, options.dropPath, images.shape[0]);
    const { finalRows = null } = options;
    const isEarlyLast = config.earlyLayers === config.depth;
    const states: Tensor[] = [];
    for (let index = 0; index < config.depth; index++) {
      const scope = parameters.scope(`blocks.${index}`);
      const isLast = index === config.depth - 1;
      x = block(on, scope, x, {
        ...this.#blockOptions,
        relativePositionBias: sharedBias ?? this.#ownBias(on, scope),
        keep: drawBlockKeep(source, `blocks.${index}`, rates[index]),
        rows: isLast && !isEarlyLast ? finalRows : null,
        isRecomputed: index < (options.recompute ?? 0),
      });
      states.push(x);
    }
    return { states, sharedBias };
  }

  /** The externally visible tokens of an output: the class token and the patches. */
  #shown(on: Context, state: Tensor): Tensor {
    const { config } = this;
    const tokens = (config.registers ?? 0) > 0
      ? firstTokens(on, state, gridSize(config) ** 2 + classTokens(config))
      : state;
    return classTokens(config) > 0 ? tokens : withMeanToken(on, tokens);
  }

  /**
   * The attention weights of a block's heads, images [B, 3, S, S] → [B, H, N + 1, N + 1]: a row for each query,
   * row 0 that of the class token, or the mean of the others where there is none. Without masks, drop path or
   * gradients.
   *
   * @param layer block, from 0; negative counts from the end: −1 is the last
   * @throws RangeError for a layer that the encoder does not have
   */
  attentionWeights(on: Context, images: Tensor, layer: number): Tensor {
    const { depth } = this.config;
    const index = layer < 0 ? layer + depth : layer;
    if (!Number.isInteger(index) || index < 0 || index >= depth) {
      throw new RangeError(
        `Cannot take attention of layer ${layer}: the encoder has ${depth} blocks`,
      );
    }
    const [weights] = withoutGradient(() => {
      const x = index === 0
        ? this.embed(on, images, null)
        : this.#run(on, images, { mask: null, dropPath: null }).states[index - 1];
      const scope = this.#parameters.scope(`blocks.${index}`);
      const relativePositionBias = this.sharedBias(on) ?? this.#ownBias(on, scope);
      const weights = blockAttention(on, scope, x, { ...this.#blockOptions, relativePositionBias });
      return [shownWeights(weights, this.config)];
    });
    return weights;
  }

  /** The bias from the shared table, [H, N + 1, N + 1]; null if there is none. */
  sharedBias(on: Context): Tensor | null {
    return this.#positionBias?.of(on, this.#parameters.scope("rel_pos_bias")) ?? null;
  }

  /** Frees everything that is not a parameter. */
  dispose(): void {
    this.#positionBias?.dispose();
  }

  get #blockOptions(): Pick<BlockOptions, "heads" | "epsilon" | "activation"> {
    const { heads, activation = "gelu" } = this.config;
    return { heads, epsilon: layerNormEpsilon(this.config), activation };
  }

  #ownBias(on: Context, scope: ParameterScope): Tensor | null {
    return this.#positionBias?.of(on, scope.scope("attn")) ?? null;
  }
}

/** Attention [B, H, T, T] among the tokens that {@link EncoderOutput} includes. */
function shownWeights(weights: Tensor, config: BeitConfig): Tensor {
  const [batch, heads] = weights.shape;
  const tokens = gridSize(config) ** 2 + classTokens(config);
  const shown = tf.slice(weights, [0, 0, 0, 0], [batch, heads!, tokens, tokens]);
  if (classTokens(config) > 0) return shown;
  const withMean = tf.concat([tf.mean(shown, 2, true), shown], 2);
  return tf.pad(withMean, [[0, 0], [0, 0], [0, 0], [1, 0]]);
}

/** Where a model's blocks draw their drop path from. */
export function dropPathSource(
  config: BeitConfig,
  draws: DropPathDraws | null,
  batch: number,
): DropPathSource | null {
  if (draws === null || config.dropPathRate === 0) return null;
  return { ...draws, batch, twice: config.dropPathTwice };
}
