/**
 * How a naming of vision transformers other than BEiT is declared.
 *
 * @module
 */

import { keyMap, type KeyPair, type Rename } from "../key_map.ts";
import type { ModelShape } from "../model_shape.ts";

/** Whose names a file has that is no BEiT's. */
export interface ForeignNaming {
  readonly format: "huggingface" | "timm" | "openai";
  /** What a person calls it. */
  readonly title: string;
  /** Whether keys are of this naming; the most particular is asked first. */
  recognises(has: (pattern: RegExp) => boolean): boolean;
  /** Our name of one of their keys, of query, key and value apart where they are. */
  readonly toOurs: Rename;
  /** Their name of one of ours, without a prefix. */
  readonly toTheirs: Rename;
  /** Parts that no encoder needs, with the reason. */
  readonly drops: readonly (readonly [RegExp, string])[];
  /** Keys of variants that are not built here, with what they are. */
  readonly unfit: readonly (readonly [RegExp, string])[];
  /** What the tensors do not show, where no config says it. */
  readonly shape: Partial<ModelShape>;
}

/** One naming, its keys with or without a prefix that its larger models put in front. */
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
