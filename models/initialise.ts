/**
 * Draws the initial values that layers declare, in three variants of a BEiT and for a plain ViT.
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
import type { BeitConfig } from "./beit_config.ts";
import {
  cutNarrow,
  cutWide,
  type Fill,
  type InitScheme,
  matrix,
  normal,
  torchDefault,
  withScaledWeight,
  xavier,
  zeros,
} from "./initial_values.ts";
import type { Initialise, ParameterSpec } from "./parameter_set.ts";

/** The scheme in which all matrices are drawn alike. */
function alike(fill: Fill, token: Fill = fill): InitScheme {
  const linear = matrix(fill);
  const blocks = { attention: linear, mlp: linear, positionTable: zeros, scalesDown: true };
  return { token, patchEmbedding: linear, blocks, aggregation: blocks, head: linear, linear };
}

/** modeling_pretrain.py, or modeling_finetune.py if the config has classes. */
function unilm({ classes }: BeitShape): InitScheme {
  const isClassifier = classes !== undefined;
  const scheme = alike(isClassifier ? cutWide : cutNarrow);
  return {
    ...scheme,
    patchEmbedding: isClassifier ? torchDefault : scheme.patchEmbedding,
    aggregation: { ...scheme.blocks, attention: torchDefault, mlp: torchDefault },
  };
}

/** BEiTPretrainViT and BEiTV2Neck: the backbone's MLPs are Xavier-uniform, the neck is not scaled down. */
function mmselfsup(): InitScheme {
  const scheme = alike(cutWide);
  const mlp = () => ({ weight: xavier, bias: normal(1e-6) });
  return {
    ...scheme,
    blocks: { ...scheme.blocks, mlp, positionTable: cutWide },
    aggregation: { ...scheme.blocks, scalesDown: false },
  };
}

/** What initial values depend on: the variant, and whether there is a classifier. */
export type BeitShape = Pick<BeitConfig, "initVariant" | "classes">;

const variants = { unilm, mmselfsup, xavier: () => alike(xavier, cutWide) };

/** Draws what the parameters declare. */
function initialise(scheme: InitScheme, generator: Generator): Initialise {
  return (spec) => valuesOf(spec, generator.split("initialise", spec.name), scheme);
}

function valuesOf(
  { shape, initialise }: ParameterSpec,
  generator: Generator,
  scheme: InitScheme,
): Float32Array {
  if (initialise !== undefined) return initialise(generator, shape, scheme);
  return (shape.length > 1 ? scheme.token : zeros)(generator, shape);
}

/**
 * The initial values of a BEiT for pretraining, or of a classifier if `config.classes` is set.
 *
 * @param config the variant in `initVariant`
 * @param generator not advanced: each parameter splits off its own
 * @param headInitScale factor on the weights of a classifier's head; default: 0.001 for unilm, otherwise 1
 *
 * @example The same seed gives the same values, whatever else there is
 * ```ts
 * import { Generator } from "../core/generator.ts";
 * import { vitBase } from "./beit_config.ts";
 * import { initialiseBeit } from "./initialise.ts";
 * import { affineSpecs } from "./layers/affine.ts";
 *
 * const initialise = initialiseBeit(vitBase, Generator.from(0));
 * const [weight, bias] = affineSpecs("lm_head", [8, 8]).map(initialise);
 * if (!weight.every((value) => Math.abs(value) <= 0.02)) throw new Error();
 * if (!bias.every((value) => value === 0)) throw new Error();
 * ```
 */
export function initialiseBeit(
  config: BeitShape,
  generator: Generator,
  headInitScale: number = config.initVariant === "unilm" ? 0.001 : 1,
): Initialise {
  const scheme = variants[config.initVariant](config);
  return initialise({ ...scheme, head: withScaledWeight(scheme.linear, headInitScale) }, generator);
}

/** modeling_vqkd.py and timm: truncated normal matrices, PyTorch's default for the patch embedding. */
const plain: InitScheme = { ...alike(cutWide), patchEmbedding: torchDefault };

/**
 * The initial values of a plain ViT as drawn by `modeling_vqkd.py` and timm: truncated normal
 * matrices (σ 0.02, deeper blocks scaled down), PyTorch's default for the patch embedding.
 *
 * @param generator left as it is: each parameter splits its own off
 * @param options with `xavier` matrices are Xavier-uniform
 */
export function initialisePlain(
  generator: Generator,
  options: { xavier?: boolean } = {},
): Initialise {
  const { patchEmbedding } = plain;
  return initialise(
    options.xavier ? { ...alike(xavier, cutWide), patchEmbedding } : plain,
    generator,
  );
}

/** Zeros, for parameters whose values come from a checkpoint. */
export const initialiseZero: Initialise = ({ shape }) => new Float32Array(sizeOf(shape));

/**
 * The initial values of a parameter that a stage brings: what it declares; by default N(0, 0.02²) for
 * more than one axis, otherwise 0.
 *
 * @param generator for this parameter alone
 */
export function initialiseStage(spec: ParameterSpec, generator: Generator): Float32Array {
  return valuesOf(spec, generator, plain);
}
