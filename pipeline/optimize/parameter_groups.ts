/**
 * The learning rate and weight decay of each parameter.
 *
 * @module
 */

/** What the rules look at. */
export interface ParameterShape {
  /** Its name, as in a checkpoint. */
  readonly name: string;
  /** Its dimensions. */
  readonly shape: readonly number[];
}

/** The settings of one parameter. */
export interface ParameterGroup {
  /** Factor applied to the learning rate. */
  readonly learningRateScale: number;
  /** AdamW's decay, relative to the learning rate. */
  readonly weightDecay: number;
}

/** Whose rule decides which parameters have no weight decay: see {@link hasWeightDecay}. */
export type NoDecayRule = "mmselfsup" | "mmselfsup-ft30e" | "unilm";

/** How to group. */
export interface ParameterGroupOptions {
  /** Which no-decay rule: see {@link hasWeightDecay}. */
  readonly variant: NoDecayRule;
  /** The decay of parameters that are not exempt. */
  readonly weightDecay: number;
  /** Lower learning rates for earlier blocks, in fine-tuning. */
  readonly layerDecay?: { readonly rate: number; readonly depth: number };
  /** Additional factors, for all parameters whose name contains the pattern. */
  readonly multipliers?: readonly { readonly pattern: string; readonly factor: number }[];
}

/**
 * Whether a parameter has weight decay.
 *
 * `mmselfsup` decides by name: biases, the norms *of blocks* (and `fc_norm`), the cls token, the position
 * embedding and layer scale have none; the shared `norm.weight` does, since its name there is
 * `neck.norm.weight`, and so do the mask token and the relative-position tables. `mmselfsup-ft30e` also decays
 * norms and biases: the recipe of that name excludes them with `norm_decay_mult` and `bias_decay_mult`, which
 * mmselfsup's layer-decay constructor ignores. `unilm` decides by shape: nothing with one axis, and no bias,
 * cls token or position embedding, has weight decay.
 */
export function hasWeightDecay(parameter: ParameterShape, variant: NoDecayRule): boolean {
  const { name, shape } = parameter;
  const isToken = /(^|\.)(cls_token|pos_embed)$/.test(name);
  const isBias = /(\.bias|q_bias|v_bias)$/.test(name);
  const isLayerScale = /(^|\.)gamma_[12]$/.test(name);
  if (variant === "mmselfsup-ft30e") return !isToken && !isLayerScale;
  if (isToken || isBias) return false;
  if (variant === "unilm") return shape.length > 1;
  return !isLayerScale && !/(^|\.)(norm1|norm2|fc_norm)\.weight$/.test(name);
}

/**
 * The layer that a parameter belongs to in a model of `depth` blocks: 0 for the embeddings, i + 1 for block i,
 * depth + 1 for what comes after.
 */
export function layerOf(name: string, depth: number): number {
  if (/^(cls_token|mask_token|pos_embed|patch_embed\.)/.test(name)) return 0;
  const match = /^blocks\.(\d+)\./.exec(name);
  return match === null ? depth + 1 : Number(match[1]) + 1;
}

/**
 * The settings of every parameter, by name.
 *
 * @example Layer decay leaves the head alone and slows down the first block
 * ```ts
 * import { parameterGroups } from "./parameter_groups.ts";
 * const groups = parameterGroups(
 *   [{ name: "blocks.0.mlp.fc1.weight", shape: [8, 2] }, { name: "head.bias", shape: [3] }],
 *   { variant: "unilm", weightDecay: 0.05, layerDecay: { rate: 0.5, depth: 2 } },
 * );
 * if (groups.get("blocks.0.mlp.fc1.weight")?.learningRateScale !== 0.25) throw new Error();
 * if (groups.get("head.bias")?.weightDecay !== 0) throw new Error();
 * ```
 */
export function parameterGroups(
  parameters: Iterable<ParameterShape>,
  options: ParameterGroupOptions,
): Map<string, ParameterGroup> {
  const { variant, weightDecay, layerDecay, multipliers = [] } = options;
  const groups = new Map<string, ParameterGroup>();
  for (const parameter of parameters) {
    const { name } = parameter;
    let learningRateScale = 1;
    if (layerDecay !== undefined) {
      const { rate, depth } = layerDecay;
      learningRateScale = rate ** (depth + 1 - layerOf(name, depth));
    }
    for (const { pattern, factor } of multipliers) {
      if (name.includes(pattern)) learningRateScale *= factor;
    }
    const isDecayed = hasWeightDecay(parameter, variant);
    groups.set(name, { learningRateScale, weightDecay: isDecayed ? weightDecay : 0 });
  }
  return groups;
}
