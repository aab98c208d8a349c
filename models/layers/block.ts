/**
 * The transformer block used by all models here.
 *
 * @module
 */

import { type Tensor, tf } from "../../deps/tfjs.ts";
import type { Context } from "../../backends/backend.ts";
import { attention, attentionWeights } from "../../backends/ops/attention.ts";
import { linear } from "../../backends/ops/linear.ts";
import type { TransformerTraits } from "../../core/transformer_traits.ts";
import { qkvBias } from "../../backends/ops/qkv_bias.ts";
import { recompute } from "../../backends/recompute.ts";
import { residual } from "../../backends/ops/residual.ts";
import { selectRows } from "../../backends/ops/select_rows.ts";
import {
  type AffineStart,
  constant,
  type Fill,
  type InitScheme,
  withScaledWeight,
  zeros,
} from "../initial_values.ts";
import type { ParameterScope, ParameterSpec } from "../parameter_set.ts";
import { affineSpecs, linearLayer, norm } from "./affine.ts";
import { positionTable, positionTableSpecs } from "./position_bias.ts";

/** The function between the two layers of an MLP. */
export type MlpActivation = NonNullable<TransformerTraits["activation"]>;

/** The sizes of a block, and which of its optional parameters it has. */
export interface BlockShape {
  /** Width of the tokens. */
  readonly embedDim: number;
  /** Attention heads. */
  readonly heads: number;
  /** Width of the MLP's hidden layer, relative to `embedDim`. */
  readonly mlpRatio: number;
  /** Initial value of layer scale, `gamma_1` and `gamma_2`; 0, for none, by default. */
  readonly layerScale?: number;
  /** Rows of the block's own relative-position table; 0, for none, by default. */
  readonly relativePositionRows?: number;
  /**
   * `qkv`, the default: one bias for queries, keys and values; `qv`: BEiT's `q_bias` and `v_bias`, none
   * for the keys.
   */
  readonly attentionBias?: "qv" | "qkv";
}

/** A block's position in the model, which its initial values depend on. */
export interface BlockPlace {
  /**
   * Index from 0, by which matrices that write to the residual stream are scaled down; without it they
   * are not. The aggregation branch continues from the early layers.
   */
  readonly layer?: number;
  /** Default: `blocks`. */
  readonly part?: "blocks" | "aggregation";
}

/**
 * The parameters of one transformer block, as `block` reads them below the prefix.
 *
 * @param prefix such as `blocks.0`
 */
export function blockSpecs(
  prefix: string,
  shape: BlockShape,
  { layer, part = "blocks" }: BlockPlace = {},
): ParameterSpec[] {
  const { embedDim, heads, layerScale = 0, relativePositionRows = 0, attentionBias = "qkv" } =
    shape;
  const hidden = Math.round(embedDim * shape.mlpRatio);
  const attention = (scheme: InitScheme) => scheme[part].attention;
  const mlp = (scheme: InitScheme) => scheme[part].mlp;
  const scaledDown = (start: (scheme: InitScheme) => AffineStart) => (scheme: InitScheme) =>
    scheme[part].scalesDown && layer !== undefined
      ? withScaledWeight(start(scheme), 1 / Math.sqrt(2 * (layer + 1)))
      : start(scheme);
  const vector = (name: string, initialise: Fill): ParameterSpec => {
    return { name: `${prefix}.${name}`, shape: [embedDim], initialise };
  };
  const hasLayerScale = layerScale > 0;
  const isQv = attentionBias === "qv";
  const qkv = affineSpecs(`${prefix}.attn.qkv`, [3 * embedDim, embedDim], attention);
  return [
    ...(hasLayerScale ? ["gamma_1", "gamma_2"] : []).map((it) => vector(it, constant(layerScale))),
    ...affineSpecs(`${prefix}.norm1`, [embedDim]),
    ...(isQv ? ["attn.q_bias", "attn.v_bias"] : []).map((it) => vector(it, zeros)),
    ...positionTableSpecs(
      `${prefix}.attn`,
      [relativePositionRows, heads],
      (scheme) => scheme[part].positionTable,
    ),
    ...(isQv ? qkv.slice(0, 1) : qkv),
    ...affineSpecs(`${prefix}.attn.proj`, [embedDim, embedDim], scaledDown(attention)),
    ...affineSpecs(`${prefix}.norm2`, [embedDim]),
    ...affineSpecs(`${prefix}.mlp.fc1`, [hidden, embedDim], mlp),
    ...affineSpecs(`${prefix}.mlp.fc2`, [embedDim, hidden], scaledDown(mlp)),
  ];
}

/** What a block takes besides its input and its parameters. */
export interface BlockOptions {
  /** Attention heads. */
  readonly heads: number;
  /** Of the layer norms; 1e-6 by default. */
  readonly epsilon?: number;
  /** Of the MLP; GELU by default. */
  readonly activation?: MlpActivation;
  /** [H, N, N] added to the attention logits; none by default. */
  readonly relativePositionBias?: Tensor | null;
  /** Drop path of the two branches: [B] of 0 and 1/keep probability; null if it is off. */
  readonly keep?: readonly [Tensor | null, Tensor | null];
  /**
   * The tokens needed, as M rows of x viewed as [B·N, C], each at most once; default: all. The others are only
   * attended to.
   */
  readonly rows?: Int32Array | null;
  /** Whether the block keeps only its input, and is recomputed in the backward pass. */
  readonly isRecomputed?: boolean;
}

/** Token embedding projected to queries, keys and values, x [B, N, C] → [B, N, 3·C]. */
function queryKeyValue(on: Context, parameters: ParameterScope, x: Tensor): Tensor {
  // BEiT learns no bias for the keys: it would cancel in the softmax.
  const bias = parameters.has("q_bias")
    ? qkvBias(on, parameters.value("q_bias"), parameters.value("v_bias"))
    : parameters.value("qkv.bias");
  return linear(on, x, parameters.value("qkv.weight"), bias);
}

/** Multi-head self-attention without its projection, x [B, N, C] → [B, N, C]. */
function attend(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  { heads, relativePositionBias = null }: BlockOptions,
): Tensor {
  const qkv = queryKeyValue(on, parameters, x);
  const scale = (x.shape[2]! / heads) ** -0.5;
  return attention(on, qkv, relativePositionBias, { heads, scale });
}

/** The attention weights of a block's heads for its input x [B, N, C]: [B, H, N, N], a row for each query. */
export function blockAttention(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  options: Pick<BlockOptions, "heads" | "epsilon" | "relativePositionBias">,
): Tensor {
  const { heads, epsilon, relativePositionBias = null } = options;
  const normed = norm(on, parameters.scope("norm1"), x, epsilon);
  const qkv = queryKeyValue(on, parameters.scope("attn"), normed);
  const scale = (x.shape[2]! / heads) ** -0.5;
  return attentionWeights(on, qkv, relativePositionBias, { heads, scale });
}

/** Two linear layers with an activation between them, x [..., C] → [..., C]. */
function mlp(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  activation: MlpActivation,
): Tensor {
  const fc1 = parameters.scope("fc1");
  // No backend fuses the approximation: SigLIP is the only model here that uses it.
  const hidden = activation === "geluTanh"
    ? geluTanh(linearLayer(on, fc1, x))
    : linearLayer(on, fc1, x, { activation });
  return linearLayer(on, parameters.scope("fc2"), hidden);
}

/** x · sigmoid(√(8/π) · (x + 0.044715 x³)), which is the tanh approximation. */
function geluTanh(x: Tensor): Tensor {
  const cubic = tf.mul(tf.mul(tf.mul(x, x), x), 0.044715);
  return tf.mul(x, tf.sigmoid(tf.mul(tf.add(x, cubic), Math.sqrt(8 / Math.PI))));
}

/**
 * A pre-norm transformer block, x [B, N, C] → [B, N, C], or [M, C] where `rows` are wanted. N is any
 * number of tokens.
 *
 * @param parameters those of `blockSpecs`, such as `parameters.scope("blocks.0")`; with `gamma_1` and
 * `gamma_2` among them it has layer scale
 *
 * @example
 * ```ts
 * import { createReferenceBackend } from "../../backends/reference/mod.ts";
 * import { tf } from "../../deps/tfjs.ts";
 * import { block, blockSpecs } from "./block.ts";
 * import { ParameterSet } from "../parameter_set.ts";
 *
 * const backend = await createReferenceBackend();
 * const on = { backend, precision: "float32" } as const;
 * const specs = blockSpecs("blocks.0", { embedDim: 8, heads: 2, mlpRatio: 4 });
 * const parameters = ParameterSet.create(
 *   on, specs, ({ shape }) => new Float32Array(shape.reduce((a, b) => a * b)),
 * );
 * backend.run(() => {
 *   const y = block(on, parameters.scope("blocks.0"), tf.ones([1, 3, 8]), { heads: 2 });
 *   // With weights of zero, a block gives what it is given.
 *   if (String(y.shape) !== "1,3,8" || y.dataSync()[0] !== 1) throw new Error(`${y}`);
 * });
 * ```
 */
export function block(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  options: BlockOptions,
): Tensor {
  // What the backward pass needs is on the tape; handles to everything else would keep it alive to
  // the end.
  if (!options.isRecomputed) return tf.tidy(() => runBlock(on, parameters, x, options));
  const [keepAttention, keepMlp] = options.keep ?? [null, null];
  const given = {
    inputs: { x, bias: options.relativePositionBias ?? null },
    constants: { keepAttention, keepMlp },
    parameters: parametersOf(parameters),
  };
  return recompute(given, ({ x, bias, keepAttention, keepMlp }) => {
    const again = {
      ...options,
      relativePositionBias: bias,
      keep: [keepAttention, keepMlp] as const,
    };
    return runBlock(on, parameters, x!, again);
  });
}

/** The parameters that a block reads itself: its own bias is made from its table outside. */
function parametersOf(parameters: ParameterScope): Tensor[] {
  const table = positionTable(parameters.scope("attn"));
  return parameters.trainableValues().filter((value) => value !== table);
}

function runBlock(
  on: Context,
  parameters: ParameterScope,
  x: Tensor,
  options: BlockOptions,
): Tensor {
  const { epsilon, activation = "gelu", keep = [null, null] } = options;
  const gamma = (name: string) => parameters.has(name) ? parameters.value(name) : null;
  const wanted = wantedRows(on, x.shape[1]!, options.rows ?? null);

  const scope = parameters.scope("attn");
  const normed = (name: "norm1" | "norm2", x: Tensor) =>
    norm(on, parameters.scope(name), x, epsilon, { isOnlyMultiplied: true });
  const attended = attend(on, scope, normed("norm1", x), options);
  const projected = linearLayer(on, scope.scope("proj"), wanted.of(attended));
  const middle = residual(on, wanted.of(x), projected, gamma("gamma_1"), wanted.ofSamples(keep[0]));
  const computed = mlp(
    on,
    parameters.scope("mlp"),
    normed("norm2", middle),
    activation,
  );
  return residual(on, middle, computed, gamma("gamma_2"), wanted.ofSamples(keep[1]));
}

/** Selects the given rows of tokens [B, N, C], and for each the value of its sample in a tensor [B]. */
function wantedRows(on: Context, tokens: number, rows: Int32Array | null) {
  if (rows === null) return { of: (x: Tensor) => x, ofSamples: (x: Tensor | null) => x };
  const places = tf.tensor1d(rows, "int32");
  const samples = rows.map((row) => Math.floor(row / tokens));
  return {
    of: (x: Tensor) => selectRows(on, x, places),
    ofSamples: (x: Tensor | null) => x && tf.gather(x, tf.tensor1d(samples, "int32")),
  };
}
