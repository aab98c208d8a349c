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
import { commandOf, type RunConfig, type Tasks } from "./task.ts";

/** What to resolve. */
export interface ResolveOptions<T extends string = string> {
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
export interface ResolvedConfig<C extends RunConfig = RunConfig> extends ParsedConfig<C> {
  /** The recipe's name, which is the default name of the run's directory. */
  readonly name: string;
}

/**
 * Resolves a config.
 *
 * @param tasks all tasks; the first is the default if neither a task nor a recipe is named
 * @throws {UserError} for an unknown recipe or key, a value of the wrong type, or incompatible values; the
 * message names the key, its origin, what was expected and what was found
 */
export async function resolveAmong(
  tasks: Tasks,
  options: ResolveOptions = {},
): Promise<ResolvedConfig> {
  const { task, extra = [], overrides = [], mayRun = true } = options;
  const recipe = options.recipe ?? (tasks[task ?? ""] ?? Object.values(tasks)[0]).defaultRecipe;
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
  const found = taskOf(tasks, merged.values, merged.origins.get("task") ?? label);
  if (task !== undefined && found.name !== task) {
    throw new UserError(
      `Cannot use recipe "${label}" here: expected one for task "${task}", found "${found.name}"`,
      {
        hint: `run \`deno task ${commandOf(found.name)}${
          typeof recipe === "string" ? ` --config ${label}` : ""
        }\``,
      },
    );
  }
  const parsed = parseLayers(tasks, [...layers, ...overrideLayers(overrides, found, tasks)]);
  return { ...parsed, name };
}
