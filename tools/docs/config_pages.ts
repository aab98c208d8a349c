/** The reference of config keys, from the schema: what each wants, its default and what it is for. @module */
import { inertKeys } from "../../configs/inert_keys.ts";
import { childrenOf, jsonSchemaOf, type Node, wantedAt } from "../../configs/nodes.ts";
import { valueAt } from "../../configs/layers.ts";
import { parseLayers } from "../../configs/parse.ts";
import { recipeNames } from "../../configs/recipes.ts";
import { defaultRecipes, resolveConfig, taskCommands } from "../../configs/resolve.ts";
import { type Config, schemas, type Task } from "../../configs/schema.ts";
import { code, prose, table } from "./markdown.ts";

/** File name of a task's page. */
export function configPageName(task: Task): string {
  return `config-${taskCommands[task]}.md`;
}

/** The values of a task where nothing is written, in each variant. */
interface Defaults {
  /** Keys that nothing in the task reads: the page leaves them out. */
  readonly inert: readonly string[];
  readonly unilm: Config;
  readonly mmselfsup: Config;
  readonly origins: ReadonlyMap<string, string>;
}

function defaultsOf(task: Task): Defaults {
  const parsed = (variant: string) =>
    parseLayers([{ values: { task, variant }, origin: () => "given" }]);
  const { config, origins } = parsed("unilm");
  return {
    inert: inertKeys[task],
    unilm: config,
    mmselfsup: parsed("mmselfsup").config,
    origins,
  };
}

/** The default of a key in words. */
function defaultOf(key: string, node: Node, { unilm, mmselfsup, origins }: Defaults): string {
  const written = (config: Config) => {
    // A section that is null by default has defaults of its own keys all the same.
    const value = valueAt(config as unknown as Record<string, unknown>, key) ??
      (origins.has(key) ? null : jsonSchemaOf(node).default);
    return value === undefined ? "–" : code(JSON.stringify(value));
  };
  const [own, other] = [written(unilm), written(mmselfsup)];
  const origin = origins.get(key) ?? "";
  const derived = origin.startsWith("derived from ")
    ? `, from ${prose(origin.slice("derived from ".length))}`
    : "";
  return `${own}${derived}${own === other || key === "variant" ? "" : `; mmselfsup: ${other}`}`;
}

function descriptionOf(node: Node): string {
  return jsonSchemaOf(node).description ?? "";
}

function keyTable(all: readonly (readonly [string, Node])[], defaults: Defaults): string {
  const keys = all.filter(([key]) => !defaults.inert.includes(key));
  return table([
    ["key", "wants", "default", "what it is"],
    ...keys.map(([key, node]) => [
      code(key),
      prose(wantedAt(node)),
      defaultOf(key, node, defaults),
      prose(descriptionOf(node)),
    ]),
  ]);
}

/** A section with a heading, its own keys in a table, then the sections within it. */
function section(key: string, node: Node, defaults: Defaults): string[] {
  const children = Object.entries(childrenOf(node)!)
    .map(([name, child]) => [`${key}.${name}`, child] as const);
  const keys = children.filter(([name, child]) =>
    childrenOf(child) === null && !defaults.inert.includes(name)
  );
  const sections = children.filter(([, child]) => childrenOf(child) !== null);
  if (keys.length === 0 && sections.length === 0) return [];
  const isOff = valueAt(defaults.unilm as unknown as Record<string, unknown>, key) === null;
  return [
    `## ${code(key)}`,
    `${prose(descriptionOf(node))}${isOff ? " Off by default: `null`." : ""}`,
    ...(keys.length === 0 ? [] : [keyTable(keys, defaults)]),
    ...sections.flatMap(([name, child]) => section(name, child, defaults)),
  ];
}

/** Names of the bundled recipes of a task. */
async function recipesOf(task: Task): Promise<string[]> {
  const found: string[] = [];
  for (const recipe of recipeNames) {
    const { config } = await resolveConfig({ recipe });
    if (config.task === task) found.push(recipe);
  }
  return found;
}

/** The page of a task's keys. */
export async function configPage(task: Task): Promise<string> {
  const schema = schemas[task];
  const defaults = defaultsOf(task);
  const entries = Object.entries(childrenOf(schema)!)
    .filter(([key]) => key !== "task" && key !== "$schema");
  const keys = entries.filter(([, node]) => childrenOf(node) === null);
  const sections = entries.filter(([, node]) => childrenOf(node) !== null);
  const command = taskCommands[task];
  const recipes = await recipesOf(task);
  return [
    `# Config of ${code(command)}`,
    "Written by `deno task docs` from the schema.",
    `${
      prose(descriptionOf(schema.shape.task))
    } \`deno task ${command} --set KEY=VALUE\` sets one key, ` +
    `a recipe (\`--config\`) any of them; \`deno task config print --config RECIPE\` shows what comes out ` +
    "and from where. The defaults here are those of the schema, with those of `variant: mmselfsup` " +
    `where they differ; without \`--config\`, \`${defaultRecipes[task]}\` is laid over them.`,
    `Recipes: ${
      recipes.map((name) => `[${name}](../../configs/recipes/${name}.jsonc)`).join(", ")
    }.`,
    "## The run",
    keyTable(keys, defaults),
    ...sections.flatMap(([key, node]) => section(key, node, defaults)),
  ].join("\n\n") + "\n";
}
