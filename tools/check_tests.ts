/**
 * Checks where tests are: each lies under `tests/` at the path of what it tests, or among those of the
 * whole program; and only a helper of tests has a name that begins with `_`. The rule in words is in
 * CONTRIBUTING.md.
 *
 * Run by `deno task test`; alone: `deno task check:tests`.
 *
 * @module
 */

import { projectFiles } from "./check_imports.ts";

/** Tests of the whole program, by how they access it. */
const wholeProgram = [
  "tests/browser/",
  "tests/docs/",
  "tests/examples/",
  "tests/hints/",
  "tests/program/",
  "tests/terminal/",
  "tests/compat_test.ts",
];

/** Every folder that a file lies in: `a/b/c.ts` lies in `a` and in `a/b`. */
function foldersOf(path: string): string[] {
  const parts = path.split("/").slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join("/"));
}

/** All files at the wrong place among a project's, one line each. */
export function findMisplaced(files: readonly string[]): string[] {
  const modules = new Set(files);
  const sources = files.filter((path) => !path.startsWith("tests/"));
  const folders = new Set(sources.flatMap(foldersOf));
  const misplaced: string[] = [];
  for (const path of files) {
    const name = path.slice(path.lastIndexOf("/") + 1);
    const isTests = path.startsWith("tests/");
    if (name.startsWith("_") && !isTests) {
      misplaced.push(`${path}: only helpers of tests begin with "_"`);
    }
    if (!isTests || path.startsWith("tests/fixtures/") || !name.endsWith("_test.ts")) continue;
    if (wholeProgram.some((place) => path.startsWith(place))) continue;
    const subject = path.slice("tests/".length, -"_test.ts".length);
    const module = subject.slice(0, subject.lastIndexOf("/"));
    // A module, a folder, or one of several tests of a module.
    const isThere = modules.has(`${subject}.ts`) || folders.has(subject) ||
      modules.has(`${module}.ts`);
    if (!isThere) misplaced.push(`${path}: there is neither ${subject}.ts nor ${subject}/`);
  }
  return misplaced;
}

if (import.meta.main) {
  const files = await projectFiles(new URL("../", import.meta.url));
  const misplaced = findMisplaced(files);
  for (const line of misplaced) console.error(line);
  console.error(`${files.length} files, ${misplaced.length} at the wrong place`);
  Deno.exit(misplaced.length === 0 ? 0 : 1);
}
