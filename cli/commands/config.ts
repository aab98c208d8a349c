/** `config`: shows recipes and resolved configs. */
import { valueAt } from "../../configs/layers.ts";
import { leavesOf } from "../../configs/nodes.ts";
import { jsonSchema } from "../../configs/json_schema.ts";
import { loadRecipe, recipeNames } from "../../configs/recipes.ts";
import { resolveConfig, type ResolvedConfig } from "../../methods/configs.ts";
import { tasks } from "../../methods/mod.ts";
import { leftAlignedRows } from "../../report/text_tables.ts";
import {
  type CommandGroup,
  defineCommand,
  exitCodes,
  optional,
  required,
  toggle,
} from "../parsing/command.ts";
import { configOf, modelFlag, recipeFlags, shortcutFlags } from "../parsing/config_flags.ts";
import { storedConfig } from "../running/stored_config.ts";

const json = toggle("Print a single JSON document instead of text.");
const recipeOrRun = { complete: () => recipeNames };

/** The resolved config of a recipe, a file, a URL or a run directory. */
async function resolveNamed(name: string): Promise<ResolvedConfig> {
  const run = storedConfig(name);
  if (run === null) return await resolveConfig({ recipe: name });
  return await resolveConfig({
    recipe: run.config,
    origins: new Map(Object.entries(run.origins)),
  });
}

/** The leaves of a config as `key → value`, in the schema's order. */
function leafValues({ config, origins }: ResolvedConfig): Map<string, unknown> {
  const values = new Map<string, unknown>();
  for (const key of origins.keys()) {
    const leaf = leavesOf(tasks[config.task].schema).find((known) =>
      key === known.key || key.startsWith(`${known.key}.`)
    );
    if (leaf === undefined) continue;
    const whole = valueAt({ ...config }, leaf.key);
    const inner = key.slice(leaf.key.length + 1);
    values.set(key, inner === "" ? whole : (whole as Record<string, unknown>)[inner]);
  }
  return values;
}

const print = defineCommand({
  name: "print",
  summary: "Print a resolved config with all its values",
  description:
    "Prints all keys as a run sees them after applying the defaults, the recipe, what it " +
    "extends, --set and flags.\nTakes a recipe's name, a file, a URL, or a run directory.",
  arguments: {
    recipe: optional("RECIPE", "What to resolve; default: quickstart.", recipeOrRun),
  },
  flags: {
    ...recipeFlags(),
    ...shortcutFlags(),
    model: modelFlag,
    origins: toggle("Show next to each value the file and line, flag or rule it comes from."),
    json,
  },
  examples: [
    ["config print quickstart --origins", "what the quick start does, and why"],
    ["config print --set variant=mmselfsup --json", "as JSON, for a program"],
  ],
  async run({ flags, arguments: { recipe } }, context) {
    const stored = recipe === undefined ? null : storedConfig(recipe);
    const config = recipe === undefined || stored !== null ? flags.config : [
      recipe,
      ...flags.config,
    ];
    const resolved = await configOf(undefined, { ...flags, config }, stored ?? undefined);
    if (flags.json) {
      const origins = Object.fromEntries(resolved.origins);
      context.printJson(flags.origins ? { config: resolved.config, origins } : resolved.config);
      return;
    }
    const rows = [...leafValues(resolved)].map(([key, value]) => {
      const shown = [key, JSON.stringify(value)];
      return flags.origins ? [...shown, resolved.origins.get(key) ?? ""] : shown;
    });
    for (const line of leftAlignedRows(rows)) context.print(line);
  },
});

const diff = defineCommand({
  name: "diff",
  summary: "Show the differences between two configs",
  description:
    "Compares two resolved configs key by key. Each is a recipe's name, a file, a URL, " +
    "or a run directory.",
  arguments: {
    first: required("A", "The one.", recipeOrRun),
    second: required("B", "The other.", recipeOrRun),
  },
  flags: { json },
  examples: [
    [
      "config diff quickstart runs/quickstart",
      "what was changed in a run",
    ],
  ],
  async run({ flags, arguments: args }, context) {
    const [a, b] = [await resolveNamed(args.first), await resolveNamed(args.second)];
    const [left, right] = [leafValues(a), leafValues(b)];
    const keys = [...new Set([...left.keys(), ...right.keys()])].filter((key) =>
      JSON.stringify(left.get(key)) !== JSON.stringify(right.get(key))
    );
    if (flags.json) {
      context.printJson(
        keys.map((key) => ({ key, a: left.get(key) ?? null, b: right.get(key) ?? null })),
      );
      return;
    }
    const shown = (value: unknown) => value === undefined ? "–" : JSON.stringify(value);
    const rows = keys.map((key) => [key, shown(left.get(key)), "→", shown(right.get(key))]);
    for (const line of leftAlignedRows(rows)) context.print(line);
    if (keys.length === 0) context.note("No differences");
  },
});

const list = defineCommand({
  name: "list",
  summary: "List the bundled recipes",
  description: "Lists each bundled recipe with its task and a description.",
  flags: { json },
  async run({ flags }, context) {
    const recipes = await Promise.all(recipeNames.map(async (name) => {
      const { header, layers } = await loadRecipe(name);
      const task = layers.map((layer) => layer.values.task).find((found) => found !== undefined);
      return { name, task: String(task), summary: header.split("\n")[0], header };
    }));
    if (flags.json) return context.printJson(recipes);
    for (const { name, task, summary } of recipes) {
      context.print(`${name}\n    ${task}: ${summary}`);
    }
  },
});

const schema = defineCommand({
  name: "schema",
  summary: "Print the JSON Schema of recipes",
  description:
    "Prints the JSON Schema (draft 2020-12) that editors use to complete and check recipes; " +
    "recipes name it in `$schema`.",
  run(_input, context) {
    context.printJson(jsonSchema(tasks));
    return Promise.resolve(exitCodes.done);
  },
});

/** The commands for configs. */
export const config: CommandGroup = {
  name: "config",
  summary: "Show recipes and resolved configs",
  description:
    "Recipes are documents: the schema fills in whatever they leave open, and every value of " +
    "a run comes from exactly one place.",
  commands: [print, diff, list, schema],
};
