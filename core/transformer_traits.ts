/**
 * How other vision transformers differ from BEiT.
 *
 * @module
 */

/**
 * How a classifier pools its tokens into one vector. `meanThenNorm` is BEiT's: the mean of the patch tokens,
 * then `fc_norm`. The others first apply the norm `norm` to every token, then take the class token (`cls`), the
 * mean of the patches (`normThenMean`), or both concatenated (`clsAndMean`, DINOv2).
 */
export type Pooling = "meanThenNorm" | "cls" | "normThenMean" | "clsAndMean";

/** How a model may differ; whatever is left out is as in BEiT. */
export interface TransformerTraits {
  /** Epsilon of every layer norm; default: 1e-6. */
  readonly normEpsilon?: number;
  /** `qkv`: one bias for all three; by default keys have none. */
  readonly attentionBias?: "qv" | "qkv";
  /** Activation of the MLP; default: the exact GELU. `geluTanh` is its tanh approximation. */
  readonly activation?: "gelu" | "quickGelu" | "geluTanh";
  /** A norm `norm_pre` between the embedding and the blocks, as in CLIP. */
  readonly hasInputNorm?: boolean;
  /** Register tokens, which appear in no block's output; DINOv2 has 4. */
  readonly registers?: number;
  /** Whether there is a class token; SigLIP has none. */
  readonly hasClassToken?: boolean;
  /** For a classifier; default: `meanThenNorm`. */
  readonly pooling?: Pooling;
}

/** Name of the norm in a classifier's pooling. */
export function poolingNorm({ pooling = "meanThenNorm" }: TransformerTraits): "fc_norm" | "norm" {
  return pooling === "meanThenNorm" ? "fc_norm" : "norm";
}

/** Rows of a position embedding that belong to no patch. */
export function classTokens({ hasClassToken = true }: TransformerTraits): 0 | 1 {
  return hasClassToken ? 1 : 0;
}
