import { UserError } from "../../core/errors.ts";
import type { FixtureFolder } from "../../bench/parity/fixture_folder.ts";

function listFiles(directory: string): string[] {
  try {
    return [...Deno.readDirSync(directory)]
      .filter(({ isDirectory }) => !isDirectory)
      .map(({ name }) => name);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound
      ? "it does not exist"
      : "it is not a folder";
    throw new UserError(`Cannot read the fixtures "${directory}": ${reason}`, {
      hint: "give a folder with .json and .safetensors files with --fixtures",
      cause: error,
    });
  }
}

/** Several folders of golden numbers on disk as one; if a name occurs twice, the later folder wins. */
export function openFixtureFolders(directories: readonly string[]): FixtureFolder {
  const places = new Map(
    directories.flatMap((directory) =>
      listFiles(directory).map((file) => [file, `${directory}/${file}`] as const)
    ),
  );
  return {
    files: [...places.keys()],
    read: (file) => Deno.readFile(places.get(file)!),
  };
}
