/**
 * The model's shape from a config.
 *
 * @module
 */

import type { PretrainConfig } from "./config.ts";
import type { BeitConfig } from "../../models/beit_config.ts";

/** A config's model section in the form that the model takes. */
export function beitConfig({ model }: Pick<PretrainConfig, "model">): BeitConfig {
  const { sincosAmplitude, ...rest } = model;
  return sincosAmplitude === null ? rest : { ...rest, sincosAmplitude };
}
