import type { FixtureFolder } from "../../../bench/parity/fixture_folder.ts";

/** All golden numbers that the tests come with; they lie in two folders. */
export function allFixtures(): FixtureFolder {
  const places = new Map<string, URL>();
  for (const path of ["../../fixtures/", "../../fixtures/parity/"]) {
    const folder = new URL(path, import.meta.url);
    for (const { name, isFile } of Deno.readDirSync(folder)) {
      if (isFile) places.set(name, new URL(name, folder));
    }
  }
  return { files: [...places.keys()], read: (file) => Deno.readFile(places.get(file)!) };
}
