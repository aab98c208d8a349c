import { UserError } from "../core/errors.ts";
import type { FixtureFolder } from "../tasks/parity/fixture_folder.ts";

/** A folder of golden numbers on disk. */
export function openFixtureFolder(directory: string): FixtureFolder {
  let entries: Deno.DirEntry[];
  try {
    entries = [...Deno.readDirSync(directory)];
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "it does not exist" : "it is no folder";
    throw new UserError(`Cannot read the fixtures "${directory}": ${reason}`, {
      hint: "give a folder of .json and .safetensors files with --fixtures",
      cause: error,
    });
  }
  return {
    files: entries.filter(({ isDirectory }) => !isDirectory).map(({ name }) => name),
    read: (file) => Deno.readFile(`${directory}/${file}`),
  };
}
