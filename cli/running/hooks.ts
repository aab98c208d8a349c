/** Hooks from files: `--hook FILE`. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { messageOf, UserError } from "../../core/errors.ts";
import type { RunHook } from "../../pipeline/engine/recording/hooks.ts";

/**
 * Loads modules whose default export receives a run's events.
 *
 * @throws UserError for a file that does not exist, does not load or does not export a function
 */
export async function loadHooks(paths: readonly string[]): Promise<RunHook[]> {
  const hooks: RunHook[] = [];
  for (const path of paths) {
    if (/^(?!file:)[a-z][a-z+.-]+:/i.test(path)) {
      throw new UserError(
        `Cannot load the hook "${path}": code from another machine would run here`,
        {
          hint: "look at it, save it, and give its path",
        },
      );
    }
    const url = path.startsWith("file:") ? path : pathToFileURL(resolve(path)).href;
    let module: { default?: unknown };
    try {
      module = await import(url);
    } catch (error) {
      throw new UserError(`Cannot load the hook "${path}": ${messageOf(error)}`, { cause: error });
    }
    const hook = module.default;
    if (typeof hook !== "function") {
      throw new UserError(`Cannot use the hook "${path}": its default export is not a function`, {
        hint: "write `export default (event) => { … }`; see docs/logging.md",
      });
    }
    // Named after the file, so that a warning says whose error it was.
    const named: RunHook = (event) => hook(event);
    Object.defineProperty(named, "name", { value: path });
    hooks.push(named);
  }
  return hooks;
}
