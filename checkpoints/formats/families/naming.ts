/**
 * How a naming scheme for vision transformers other than BEiT is declared.
 *
 * @module
 */

import { keyMap, type KeyPair, type Rename } from "../key_map.ts";
import type { ModelShape } from "../model_shape.ts";

/** Whose names a file uses that is not a BEiT's. */
export interface ForeignNaming {
  readonly format: "huggingface" | "timm" | "openai";
  /** Its name for users. */
  readonly title: string;
  /** Whether keys follow this scheme; the most specific is asked first. */
  recognises(has: (pattern: RegExp) => boolean): boolean;
  /** Our name for one of their keys; query, key and value are separate if theirs are. */
  readonly toOurs: Rename;
  /** Their name for one of ours, without a prefix. */
  readonly toTheirs: Rename;
  /** Parts that no encoder needs, with the reason. */
  readonly drops: readonly (readonly [RegExp, string])[];
  /** Keys of unsupported variants, with what they are. */
  readonly unfit: readonly (readonly [RegExp, string])[];
  /** What the tensors do not show, if no config says it. */
  readonly shape: Partial<ModelShape>;
}

/** One naming scheme, whose keys may have the prefix that its larger models use. */
export function naming(
  declared: Omit<ForeignNaming, "toOurs" | "toTheirs"> & {
    prefix?: RegExp;
    pairs: readonly KeyPair[];
  },
): ForeignNaming {
  const { prefix, pairs, ...rest } = declared;
  const map = keyMap(pairs);
  const { toTheirs } = map;
  return {
    ...rest,
    toTheirs,
    toOurs: (name) => map.toOurs(prefix ? name.replace(prefix, "") : name),
  };
}
