/**
 * Configs of mimic's own methods: from recipes and values to what a run needs.
 *
 * @module
 */

import type { Layer, RawConfig } from "../configs/layers.ts";
import { type ParsedConfig, parseLayers } from "../configs/parse.ts";
import { resolveAmong, type ResolveOptions } from "../configs/resolve.ts";
import { type ConfigOf, type Task, tasks } from "./mod.ts";

/** A complete config, its origins and the recipe's name. */
export interface ResolvedConfig<T extends Task = Task> extends ParsedConfig<ConfigOf<T>> {
  /** The recipe's name, which is the default name of the run's directory. */
  readonly name: string;
}

/**
 * Resolves a config.
 *
 * @example The quick start with another learning rate
 * ```ts
 * import { resolveConfig } from "./configs.ts";
 * const { config, origins } = await resolveConfig({
 *   task: "pretrain",
 *   overrides: ["optimizer.lr=1e-3"],
 * });
 * if (config.optimizer.lr !== 1e-3) throw new Error();
 * if (origins.get("optimizer.lr") !== "--set optimizer.lr=1e-3") throw new Error();
 * ```
 * @throws {UserError} for an unknown recipe or key, a value of the wrong type, or incompatible values; the
 * message names the key, its origin, what was expected and what was found
 */
export async function resolveConfig<T extends Task = Task>(
  options: ResolveOptions<T> = {},
): Promise<ResolvedConfig<T>> {
  return await resolveAmong(tasks, options) as ResolvedConfig<T>;
}

/**
 * A complete config from just the values that matter to the caller; for programs.
 *
 * @example A small pretraining
 * ```ts
 * import { parseConfig } from "./configs.ts";
 * const config = parseConfig({ task: "pretrain", model: { imageSize: 32, patchSize: 4 } });
 * if (config.augment.size !== 32 || config.mask.maskedPatches !== 25) throw new Error();
 * ```
 * @throws {UserError} naming the key, what was expected and what was found
 */
export function parseConfig<T extends Task>(values: { task: T } & RawConfig): ConfigOf<T> {
  const layer: Layer = { values, origin: () => "the given values" };
  return (parseLayers(tasks, [layer]) as ParsedConfig<ConfigOf<T>>).config;
}
