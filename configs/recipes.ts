/**
 * Bundled recipes, and the user's own by path or URL.
 *
 * @module
 */
import names from "./recipe_names.json" with { type: "json" };
import { UserError } from "../core/errors.ts";
import { nearest } from "../core/nearest.ts";
import type { Layer, RawConfig } from "./layers.ts";
import { readSource, type Source } from "./sources.ts";

/**
 * The bundled recipes: the files of `configs/recipes/`, found next to this one on disk and by URL alike.
 * `deno task schema` lists them, those that tasks take by default first.
 */
export const recipeNames: readonly string[] = names;

/** A recipe that has been read, as layers, with the one it extends first. */
export interface Recipe {
  /** Its name: the file name without the extension. */
  readonly name: string;
  readonly url: URL;
  /** Paper, hardware, expected result and command, from the comment at the top of the file. */
  readonly header: string;
  readonly layers: readonly Layer[];
}

/** The working directory as a URL, against which relative recipe paths are resolved. */
export function workingDirectory(): URL {
  // Not `Deno.cwd`, so that this module loads in a browser, where recipes are relative to the page.
  const shell = (globalThis as { process?: { cwd?: () => string } }).process;
  if (shell?.cwd !== undefined) {
    const path = shell.cwd().replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");
    return new URL(`file://${path.startsWith("/") ? "" : "/"}${path.replace("%3A", ":")}/`);
  }
  return new URL(globalThis.location?.href ?? import.meta.url);
}

function bundledUrl(name: string): URL {
  return new URL(`./recipes/${name}.jsonc`, import.meta.url);
}

/** The location of a recipe given by name, path or URL, and what messages call it. */
function locate(recipe: string, base: URL): { url: URL; label: string } {
  if (recipeNames.includes(recipe)) {
    return { url: bundledUrl(recipe), label: `${recipe}.jsonc` };
  }
  if (/^[a-z][a-z+.-]+:\/\//i.test(recipe)) return { url: new URL(recipe), label: recipe };
  if (/[/\\]/.test(recipe) || /\.(jsonc?|ya?ml|[cm]?[jt]s)$/.test(recipe)) {
    const path = recipe.replaceAll("\\", "/").split("/").map(encodeURIComponent).join("/");
    return { url: new URL(path.replace(/^([A-Za-z])%3A\//, "file:///$1:/"), base), label: recipe };
  }
  const near = nearest(recipe, recipeNames);
  throw new UserError(`Unknown recipe "${recipe}"`, {
    hint: near === undefined
      ? "`deno task config list` shows the bundled ones; a file ends in .jsonc, .yaml or .ts"
      : `did you mean "${near}"?`,
  });
}

function layerOf(source: Source, label: string): Layer {
  const values: RawConfig = { ...source.values };
  delete values.$schema;
  delete values.extends;
  return {
    values,
    origin(key) {
      // A record's keys may contain dots, and a list has a single line: use the nearest part that is known.
      for (let part = key; part !== ""; part = part.slice(0, Math.max(0, part.lastIndexOf(".")))) {
        const line = source.lines.get(part);
        if (line !== undefined) return `${label}:${line}`;
      }
      return label;
    },
  };
}

/**
 * Reads a recipe by bundled name, path or URL, with the one it extends.
 *
 * @param mayRun whether it may be a module of the user's; the recipe that it extends never may
 * @throws {UserError} if it does not exist, cannot be read, or extends a recipe that itself extends
 * one
 */
export async function loadRecipe(
  recipe: string,
  base = workingDirectory(),
  mayRun = true,
): Promise<Recipe> {
  const { url, label } = locate(recipe, base);
  const source = await readSource(url, label, mayRun);
  const name = decodeURIComponent(url.pathname.split("/").pop() ?? "").replace(/\.[a-z]+$/, "");
  const own = layerOf(source, label);
  const parent = source.values.extends;
  if (parent === undefined) return { name, url, header: source.header, layers: [own] };
  if (typeof parent !== "string") {
    throw new UserError(
      `Cannot extend from "${label}": expected the name or path of a single recipe`,
    );
  }
  const below = locate(parent, url);
  const parentSource = await readSource(below.url, below.label, false);
  if (parentSource.values.extends !== undefined) {
    throw new UserError(
      `Cannot extend "${parent}" from "${label}": it extends another recipe itself`,
      {
        hint:
          "extend that one directly; with a single level it stays clear where a value comes from",
      },
    );
  }
  const layers = [layerOf(parentSource, below.label), own];
  return { name, url, header: source.header, layers };
}
