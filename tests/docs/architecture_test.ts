/** The map of the project in docs/architecture.md and docs/architecture/: what it names exists. */
import assert from "node:assert/strict";
import { pages } from "./_markdown.ts";

const root = new URL("../../", import.meta.url);
const architecture = pages().filter(({ path }) => path.startsWith("docs/architecture"));

/** Files and folders of the project: `pipeline/load.ts`, `data/loader/`. */
function pathsIn(text: string): string[] {
  return [...text.matchAll(/`([\w.-]+\/[\w./-]*|[\w-]+\.ts)`/g)].map(([, path]) => path)
    // A run's own files.
    .filter((path) => !/^(runs|checkpoints\/step)/.test(path));
}

function exists(path: string): boolean {
  try {
    const { isDirectory } = Deno.statSync(new URL(path, root));
    return isDirectory === path.endsWith("/");
  } catch {
    return false;
  }
}

for (const { path, text } of architecture) {
  Deno.test(`${path}: every file and folder that it names exists`, () => {
    assert.deepEqual(pathsIn(text).filter((named) => !exists(named)), []);
  });
}

Deno.test("docs/architecture.md leads to every page of its folder, and names every folder", () => {
  const map = architecture.find(({ path }) => path === "docs/architecture.md")!.text;
  for (const { path } of architecture) {
    const page = path.replace("docs/", "");
    if (page !== "architecture.md") assert.ok(map.includes(`(${page})`), page);
  }
  const shown = [...Deno.readDirSync(root)].filter(({ name, isDirectory }) =>
    isDirectory && !/^(\.|runs$|vendor$|node_modules$|coverage$|dist$|assets$|docs$)/.test(name)
  );
  for (const { name } of shown) assert.ok(map.includes(`\`${name}/`), name);
});

Deno.test("docs/architecture.md follows the stages in the order in which a run chains them", () => {
  const map = architecture.find(({ path }) => path === "docs/architecture.md")!.text;
  const rows = [...map.matchAll(/^\| (\w+) +\|.*`(pipeline\/\w+(?:\.ts|\/))`/gm)];
  const chain = map.match(/^load ─▶ .*$/m)![0].split(" ─▶ ");
  assert.deepEqual(rows.map(([, stage]) => stage), chain);
  for (const [, stage, path] of rows) {
    assert.equal(path, stage === "optimize" ? "pipeline/optimize/" : `pipeline/${stage}.ts`);
  }
});

Deno.test("a file that does not exist is found", () => {
  const paths = pathsIn("see `pipeline/lode.ts`, `mod.ts` and `data/`");
  assert.deepEqual(paths, ["pipeline/lode.ts", "mod.ts", "data/"]);
  assert.deepEqual(paths.filter((path) => !exists(path)), ["pipeline/lode.ts"]);
});
