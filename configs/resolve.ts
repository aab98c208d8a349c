/**
 * From a recipe and overrides to the complete config of a run, with the origin of each value.
 *
 * Later sources win: schema defaults, `variant`, derived sizes, the extended recipe, the recipe, further
 * recipes, overrides.
 *
 * @module
 */
import { UserError } from "../core/errors.ts";
import type { Layer, RawConfig } from "./layers.ts";
import { mergeLayers } from "./layers.ts";
import { checkNesting } from "./nesting.ts";
import { type Override, overrideLayers } from "./overrides.ts";
import { type ParsedConfig, parseLayers, taskOf } from "./parse.ts";
import { loadRecipe, workingDirectory } from "./recipes.ts";
import type { ConfigOf, Task } from "./schema.ts";

/** The recipe that a task uses by default. */
export const defaultRecipes: Readonly<Record<Task, string>> = {
  pretrain: "quickstart",
  tokenizer: "vqkd_quickstart",
  finetune: "finetune_quickstart",
  linearProbe: "linear-probe_quickstart",
  segment: "segment_quickstart",
};

/** The command that runs a task. */
export const taskCommands: Readonly<Record<Task, string>> = {
  pretrain: "pretrain",
  tokenizer: "tokenizer",
  finetune: "finetune",
  linearProbe: "linear-probe",
  segment: "segment",
};

/** What to resolve. */
export interface ResolveOptions<T extends Task> {
  /** A bundled name, a path, a URL, or values; default: the task's quick start. */
  recipe?: string | RawConfig;
  /** The required task; if omitted, the recipe determines it. */
  task?: T;
  /** Further recipes on top of the first, by name, path or URL. */
  extra?: readonly string[];
  /** `KEY=VALUE` texts and typed values; later ones win. */
  overrides?: readonly Override[];
  /** Where each value came from, if `recipe` is values. */
  origins?: ReadonlyMap<string, string>;
  /** What messages call `recipe`, if it is values. */
  label?: string;
  /** What relative recipe paths are resolved against; default: the working directory. */
  base?: URL;
  /**
   * Whether `recipe` may be a module, which would be run; pass false for a name read from a file. Default:
   * true.
   */
  mayRun?: boolean;
}

/** A complete config, its origins and the recipe's name. */
export interface ResolvedConfig<T extends Task = Task> extends ParsedConfig<T> {
  /** The recipe's name, which is the default name of the run's directory. */
  readonly name: string;
}

/**
 * Resolves a config.
 *
 * @example The quick start with another learning rate
 * ```ts
 * import { resolveConfig } from "./resolve.ts";
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
  const { task, extra = [], overrides = [], mayRun = true } = options;
  const recipe = options.recipe ?? defaultRecipes[task ?? "pretrain"];
  const base = options.base ?? workingDirectory();
  const label = typeof recipe === "string" ? recipe : options.label ?? "the given values";
  const layers: Layer[] = [];
  let name = "config";
  if (typeof recipe === "string") {
    const loaded = await loadRecipe(recipe, base, mayRun);
    name = loaded.name;
    layers.push(...loaded.layers);
  } else {
    checkNesting(recipe, label);
    const values = task === undefined ? recipe : { task, ...recipe };
    layers.push({ values, origin: (key) => options.origins?.get(key) ?? label });
  }
  for (const more of extra) layers.push(...(await loadRecipe(more, base)).layers);

  const merged = mergeLayers(layers);
  const found = taskOf(merged.values, merged.origins.get("task") ?? label);
  if (task !== undefined && found !== task) {
    throw new UserError(
      `Cannot use recipe "${label}" here: expected one for task "${task}", found "${found}"`,
      {
        hint: `run \`deno task ${taskCommands[found]}${
          typeof recipe === "string" ? ` --config ${label}` : ""
        }\``,
      },
    );
  }
  const parsed = parseLayers([...layers, ...overrideLayers(overrides, found)]);
  return { config: parsed.config as ConfigOf<T>, origins: parsed.origins, name };
}
