/**
 * Initial values of a BEiT, in three variants.
 *
 * `unilm` follows `modeling_pretrain.py`, `modeling_finetune.py` and `modeling_vqkd.py` in microsoft/unilm
 * (beit2), `mmselfsup` its BEiTViT, BEiTV2Neck and heads; they differ more than the paper says. `xavier` learns
 * faster on small models: Xavier-uniform matrices and zero biases, with the same downscaling of deeper blocks.
 *
 * Each parameter draws from its own generator, split off by name, so that its values depend only on the seed
 * and its name.
 *
 * @module
 */

import type { Generator } from "../core/generator.ts";
import { sizeOf } from "../core/shapes.ts";
import { type BeitConfig, gridSize } from "./beit_config.ts";
import { normalQuantile } from "./normal_quantile.ts";
import type { Initialise, ParameterSpec } from "./parameter_set.ts";
import { sincosPositions } from "./sincos_positions.ts";

/** How to fill one parameter. */
type Fill = (spec: ParameterSpec, generator: Generator) => Float32Array;

const deviation = 0.02;

const zeros: Fill = (spec) => new Float32Array(sizeOf(spec.shape));
const constant = (value: number): Fill => (spec) => zeros(spec, undefined!).fill(value);

/**
 * N(0, 0.02²) between two of its quantiles, with one draw per value through the inverse distribution.
 *
 * @param outside probability that is cut off on either side
 */
const truncatedNormal = (outside: number): Fill => (spec, generator) => {
  const values = zeros(spec, generator);
  const step = (1 - 2 * outside) / 2 ** 32;
  for (let index = 0; index < values.length; index++) {
    values[index] = deviation * normalQuantile(outside + (generator.bits() + 0.5) * step);
  }
  return values;
};

const uniform = (bound: number): Fill => (spec, generator) =>
  zeros(spec, generator).map(() => generator.uniform(-bound, bound));

/** Inputs that each output of a weight sums over. */
function fanIn(shape: readonly number[]): number {
  return sizeOf(shape.slice(1));
}

const xavier: Fill = (spec, generator) =>
  uniform(Math.sqrt(6 / (fanIn(spec.shape) + spec.shape[0])))(spec, generator);

const scaled = (fill: Fill, factor: number): Fill => (spec, generator) =>
  fill(spec, generator).map((value) => value * factor);

/** unilm truncates at ±0.02 in pretraining, timm (and mmselfsup) at ±2, which has no effect. */
const cutNarrow = truncatedNormal(0.15865525393145707);
const cutWide = truncatedNormal(0);

/** PyTorch's default for a linear layer or convolution, for both weight and bias. */
function torchDefault(inputs: number): Fill {
  return uniform(1 / Math.sqrt(inputs));
}

/** Random directions, [K, D]: a codebook that has not seen any data. */
const unitRows: Fill = (spec, generator) => {
  const values = zeros(spec, generator).map(() => generator.normal());
  const dim = spec.shape[1];
  for (let start = 0; start < values.length; start += dim) {
    const row = values.subarray(start, start + dim);
    const length = Math.hypot(...row);
    for (let i = 0; i < dim; i++) row[i] /= length;
  }
  return values;
};

interface ParsedName {
  /** Index of the block among all blocks, continuing from `earlyLayers` in the aggregation branch. */
  readonly layer: number | null;
  readonly isAggregation: boolean;
  /** The name without its block. */
  readonly rest: string;
}

function parse(name: string, config: { earlyLayers: number }): ParsedName {
  const match = /^(blocks|cls_pt_layers)\.(\d+)\.(.*)$/.exec(name);
  if (match === null) return { layer: null, isAggregation: false, rest: name };
  const isAggregation = match[1] === "cls_pt_layers";
  const layer = Number(match[2]) + (isAggregation ? config.earlyLayers : 0);
  return { layer, isAggregation, rest: match[3] };
}

/** The two matrices that write to the residual stream are scaled down with depth, by 1/√(2(i + 1)). */
function depthFactor({ layer, rest }: ParsedName): number {
  const writes = rest === "attn.proj.weight" || rest === "mlp.fc2.weight";
  return writes && layer !== null ? 1 / Math.sqrt(2 * (layer + 1)) : 1;
}

/** Parameters that all variants initialise the same way; null for the others. */
function commonFill(rest: string, config: BeitConfig): Fill | null {
  if (/(^|\.)(norm\d?|fc_norm)\.weight$/.test(rest)) return constant(1);
  if (/(^|\.)(norm\d?|fc_norm)\.bias$/.test(rest)) return zeros;
  if (rest === "gamma_1" || rest === "gamma_2") return constant(config.layerScaleInitValue);
  if (rest.endsWith("q_bias") || rest.endsWith("v_bias")) return zeros;
  if (rest.endsWith("rel_pos_bias.relative_position_bias_table")) return zeros;
  if (rest === "pos_embed" && config.sincosAmplitude !== undefined) {
    const amplitude = config.sincosAmplitude;
    return () => sincosPositions(gridSize(config), config.embedDim, amplitude);
  }
  return null;
}

/** modeling_pretrain.py, or modeling_finetune.py if the config has classes. */
function unilmFill(name: ParsedName, config: BeitConfig): Fill {
  const { rest } = name;
  const isClassifier = config.classes !== undefined;
  const patchInputs = 3 * config.patchSize ** 2;
  const normal = isClassifier ? cutWide : cutNarrow;
  if (rest.endsWith("relative_position_bias_table")) return zeros;
  if (rest.startsWith("head.")) return rest.endsWith("bias") ? zeros : scaled(cutWide, 0.001);
  if (rest.startsWith("patch_embed.") && isClassifier) return torchDefault(patchInputs);
  if (name.isAggregation) {
    const hidden = config.embedDim * config.mlpRatio;
    const fill = torchDefault(rest.startsWith("mlp.fc2.") ? hidden : config.embedDim);
    return scaled(fill, depthFactor(name));
  }
  return rest.endsWith("bias") ? zeros : scaled(normal, depthFactor(name));
}

/**
 * BEiTPretrainViT and BEiTV2Neck: the backbone's MLPs are Xavier-uniform, and the neck is not scaled down.
 */
function mmselfsupFill(name: ParsedName, _config: BeitConfig): Fill {
  const { rest } = name;
  if (name.layer !== null && !name.isAggregation) {
    if (/^mlp\.fc\d\.weight$/.test(rest)) return scaled(xavier, depthFactor(name));
    if (/^mlp\.fc\d\.bias$/.test(rest)) {
      return (spec, generator) => zeros(spec, generator).map(() => generator.normal(0, 1e-6));
    }
    if (!rest.endsWith("bias")) return scaled(cutWide, depthFactor(name));
  }
  return rest.endsWith("bias") ? zeros : cutWide;
}

function xavierFill(name: ParsedName, _config: BeitConfig): Fill {
  const { rest } = name;
  if (rest.endsWith("bias") || rest.endsWith("relative_position_bias_table")) return zeros;
  if (/(cls_token|mask_token|pos_embed)$/.test(rest)) return cutWide;
  return scaled(xavier, depthFactor(name));
}

const variants = { unilm: unilmFill, mmselfsup: mmselfsupFill, xavier: xavierFill } as const;

/**
 * The initial values of a BEiT for pretraining, or of a classifier if `config.classes` is set.
 *
 * @param config the sizes, and the variant in `initVariant`
 * @param generator not advanced: each parameter splits off its own
 *
 * @example The same seed gives the same values, whatever else there is
 * ```ts
 * import { Generator } from "../core/generator.ts";
 * import { vitBase } from "./beit_config.ts";
 * import { initialiseBeit } from "./initialise.ts";
 *
 * const initialise = initialiseBeit(vitBase, Generator.from(0));
 * const values = initialise({ name: "blocks.3.attn.proj.weight", shape: [8, 8] });
 * if (!values.every((value) => Math.abs(value) <= 0.02 / Math.sqrt(8))) throw new Error();
 * ```
 */
export function initialiseBeit(config: BeitConfig, generator: Generator): Initialise {
  return (spec) => {
    const name = parse(spec.name, config);
    const fill = commonFill(name.rest, config) ?? variants[config.initVariant](name, config);
    return fill(spec, generator.split("initialise", spec.name));
  };
}

/**
 * The initial values of a plain ViT as drawn by `modeling_vqkd.py` and timm: truncated normal
 * matrices (σ 0.02, deeper blocks scaled down), PyTorch's default for the patch embedding. Works
 * below any prefix, so also for the tokenizer's encoder, decoder and task layers.
 *
 * @param patchInputs numbers per patch that the patch embedding reads, by prefix
 */
export function initialisePlain(
  generator: Generator,
  patchInputs: Readonly<Record<"" | "encoder." | "decoder.", number>>,
  options: { xavier?: boolean } = {},
): Initialise {
  const matrix = options.xavier ? xavier : cutWide;
  return (spec) => {
    const own = generator.split("initialise", spec.name);
    const prefix = (/^(encoder|decoder)\./.exec(spec.name)?.[0] ?? "") as keyof typeof patchInputs;
    const rest = spec.name.slice(prefix.length);
    const name = parse(rest, { earlyLayers: 0 });
    if (/(^|\.)(norm\w*|fc_norm)\.weight$/.test(name.rest)) return constant(1)(spec, own);
    if (rest.startsWith("patch_embed.")) return torchDefault(patchInputs[prefix])(spec, own);
    if (rest === "quantize.embedding.weight") return unitRows(spec, own);
    if (rest.endsWith("bias") || rest.startsWith("quantize.")) return zeros(spec, own);
    if (/(cls_token|pos_embed)$/.test(rest)) return cutWide(spec, own);
    return scaled(matrix, depthFactor(name))(spec, own);
  };
}

/** Zeros, for parameters whose values come from a checkpoint. */
export const initialiseZero: Initialise = ({ shape }) => new Float32Array(sizeOf(shape));

/**
 * The initial values of a parameter that a stage brings: N(0, 0.02²) for more than one axis, 1 for the `weight`
 * of a norm, otherwise 0.
 *
 * @param generator for this parameter alone
 */
export function initialiseStage(spec: ParameterSpec, generator: Generator): Float32Array {
  if (spec.shape.length > 1) return cutWide(spec, generator);
  const isNorm = /(^|\.)\w*norm\w*\.weight$/.test(spec.name);
  return isNorm ? constant(1)(spec, generator) : zeros(spec, generator);
}
