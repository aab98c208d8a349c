/**
 * In what other vision transformers differ from BEiT.
 *
 * @module
 */

/**
 * How a classifier makes one vector of its tokens. `meanThenNorm` is BEiT's mean of the patch tokens
 * under `fc_norm`; the others take the norm `norm` of every token first: then the class token (`cls`),
 * the mean of the patches (`normThenMean`), or both, one after the other (`clsAndMean`, DINOv2).
 */
export type Pooling = "meanThenNorm" | "cls" | "normThenMean" | "clsAndMean";

/** What a model may have otherwise; all that is left out is as in BEiT. */
export interface TransformerTraits {
  /** Epsilon of every layer norm; 1e-6 by default. */
  readonly normEpsilon?: number;
  /** `qkv` is one bias for all three; by default keys have none. */
  readonly attentionBias?: "qv" | "qkv";
  /** Of the MLP; the exact GELU by default. `geluTanh` is its approximation by tanh. */
  readonly activation?: "gelu" | "quickGelu" | "geluTanh";
  /** A norm `norm_pre` between embedding and blocks, as in CLIP. */
  readonly hasInputNorm?: boolean;
  /** Tokens beside those of the image, which no state of a block shows; DINOv2 has 4. */
  readonly registers?: number;
  /** Whether there is a class token; SigLIP has none. */
  readonly hasClassToken?: boolean;
  /** For a classifier; `meanThenNorm` by default. */
  readonly pooling?: Pooling;
}

/** Name of the norm that a classifier's pooling goes through. */
export function poolingNorm({ pooling = "meanThenNorm" }: TransformerTraits): "fc_norm" | "norm" {
  return pooling === "meanThenNorm" ? "fc_norm" : "norm";
}

/** Rows of a position embedding that belong to no patch. */
export function classTokens({ hasClassToken = true }: TransformerTraits): 0 | 1 {
  return hasClassToken ? 1 : 0;
}
