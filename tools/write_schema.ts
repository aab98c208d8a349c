/**
 * Writes `configs/schema.json`, which editors check recipes with, and `configs/recipe_names.json`, the
 * list of the bundled recipes: `deno task schema`.
 *
 * @module
 */
import { jsonSchema } from "../configs/json_schema.ts";
import { tasks } from "../methods/mod.ts";

/** The text of `configs/schema.json`. */
export function schemaText(): string {
  return JSON.stringify(jsonSchema(tasks), null, 2) + "\n";
}

/** The files of `configs/recipes/` without their extension: the tasks' defaults, then the others. */
export function recipeFiles(folder: URL): string[] {
  const first = Object.values(tasks).map(({ defaultRecipe }) => defaultRecipe);
  const all = [...Deno.readDirSync(folder)].map(({ name }) => name.replace(/\.jsonc$/, ""));
  const others = all.filter((name) => !first.includes(name)).sort();
  return [...first.filter((name) => all.includes(name)), ...others];
}

if (import.meta.main) {
  const configs = new URL("../configs/", import.meta.url);
  Deno.writeTextFileSync(new URL("schema.json", configs), schemaText());
  const names = recipeFiles(new URL("recipes/", configs));
  Deno.writeTextFileSync(
    new URL("recipe_names.json", configs),
    JSON.stringify(names, null, 2) + "\n",
  );
}
