import assert from "node:assert/strict";
import { withoutLayout } from "../../tools/docs/markdown.ts";
import { referencePages } from "../../tools/write_docs.ts";
import { leavesOf } from "../../configs/nodes.ts";
import { tasks } from "../../methods/mod.ts";
import { pages } from "./_markdown.ts";

const folder = new URL("../../docs/reference/", import.meta.url);

Deno.test("docs/reference is what the schema and the parser say (deno task docs writes it)", async () => {
  const written = await referencePages();
  const kept = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  assert.deepEqual(kept, [...written.keys()].sort());
  for (const [name, page] of written) {
    const found = Deno.readTextFileSync(new URL(name, folder));
    assert.equal(withoutLayout(found), withoutLayout(page), name);
  }
});

Deno.test("every config key has its row, with a default and what it is for", async () => {
  const all = [...(await referencePages()).values()].join("\n");
  for (const { schema } of Object.values(tasks)) {
    for (const { key } of leavesOf(schema)) {
      if (key === "task" || key === "$schema") continue;
      const row = all.split("\n").find((line) => line.startsWith(`| \`${key}\` |`));
      assert.ok(row !== undefined, `no row of ${key}`);
      assert.ok(!row.includes("|  |"), `an empty cell of ${key}`);
    }
  }
});

/** Sections and keys of all tasks: `optimizer`, `optimizer.lr`, … */
const known = new Set(
  Object.values(tasks).flatMap(({ schema }) =>
    leavesOf(schema).flatMap(({ key }) => {
      const parts = key.split(".");
      return parts.map((_, index) => parts.slice(0, index + 1).join("."));
    })
  ),
);

Deno.test("config keys that pages name in passing exist", () => {
  for (const { path, text } of pages()) {
    const prose = text.replaceAll(/^```[\s\S]*?^```/gm, "")
      // The first column of this page has the keys of others.
      .replaceAll(path.endsWith("from-mmselfsup.md") ? /^\|[^|]*\|/gm : /^$/g, "");
    for (const [, key] of prose.matchAll(/`([a-z][A-Za-z]*(?:\.[a-z][A-Za-z]*)+)(?:=[^`]*)?`/g)) {
      if (!known.has(key.split(".")[0]) || /\.(ts|json|md|onnx|safetensors)$/.test(key)) continue;
      assert.ok(known.has(key), `${path} names ${key}, which no config has`);
    }
  }
});

Deno.test("links between pages lead somewhere", () => {
  for (const { path, text } of pages()) {
    const base = new URL(`../../${path}`, import.meta.url);
    for (const [, target] of text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue;
      const exists = (() => {
        try {
          return Deno.statSync(new URL(target, base)).isFile ||
            Deno.statSync(new URL(target, base)).isDirectory;
        } catch {
          return false;
        }
      })();
      assert.ok(exists, `${path} links to ${target}`);
    }
  }
});
