/**
 * Modules with all they need as files that a browser runs, side by side in one folder.
 *
 * @module
 */

import { fileURLToPath } from "node:url";

/** What modules look for beside themselves: bundles, and the files of `assets/`. */
const places: readonly (readonly [RegExp, string])[] = [
  [/"(?:\.\.?\/)+([\w-]+\.js)"/g, '"./$1"'],
  [/"\.\/(worker_web)\.ts"/g, '"./$1.js"'],
  [/"\.\.\/\.\.\/assets\//g, '"./assets/'],
  // A browser takes "node:path" for an address.
  [/\bfrom\s*"node:(\w+)"/g, 'from"./node_$1.js"'],
  // What is imported only where Node's modules are.
  [/"node:\w+"/g, '"./not-node.js"'],
  // Files are on the page's own disk. Whether there is a Deno is still answered with no.
  [/(?<![\w$]|(?<!\.)\.)Deno(?=\.[A-Za-z])/g, "globalThis.pageDeno"],
];

/** Names that are imported from each of Node's modules. */
function nodeImports(programs: Iterable<string>): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const program of programs) {
    for (const [, list, module] of program.matchAll(/\{([^{}]*)\}\s*from\s*"node:(\w+)"/g)) {
      const names = found.get(module) ?? new Set();
      for (const name of list.split(",")) names.add(name.trim().split(" as ")[0]);
      found.set(module, names);
    }
  }
  return found;
}

/** A module whose functions are there to be imported and never called: a page keeps nothing on a disk. */
function standIn(module: string, names: Iterable<string>): string {
  return Array.from(
    names,
    (name) =>
      `export function ${name}() { throw new Error("node:${module} is not in a browser"); }\n`,
  ).join("");
}

/**
 * Bundles modules; what they share is in files of its own. sharp is native code: its module stays outside and
 * is never asked for.
 *
 * @returns the text of each file by its name; an entry `a/b.ts` is `b.js`
 */
export async function bundleModules(entries: readonly URL[]): Promise<Map<string, string>> {
  const { success, errors, outputFiles = [] } = await Deno.bundle({
    entrypoints: entries.map((entry) => fileURLToPath(entry)),
    outputDir: fileURLToPath(new URL("bundle/", import.meta.url)),
    platform: "browser",
    external: ["./decode_sharp.ts"],
    codeSplitting: true,
    minify: true,
    write: false,
  });
  if (!success) {
    throw new Error(`Cannot bundle the page: ${errors.map(({ text }) => text).join("; ")}`);
  }
  const files = new Map<string, string>();
  const programs = outputFiles.map((file) => file.text());
  for (const [index, { path }] of outputFiles.entries()) {
    const name = path.replaceAll("\\", "/").split("/").at(-1)!;
    if (files.has(name)) throw new Error(`Cannot bundle two files as "${name}"`);
    files.set(name, places.reduce((text, [from, to]) => text.replace(from, to), programs[index]));
  }
  for (const [module, names] of nodeImports(programs)) {
    const name = `node_${module}.js`;
    if (!files.has(name)) files.set(name, standIn(module, names));
  }
  files.set("not-node.js", 'throw new Error("this is not Node");\n');
  return files;
}
