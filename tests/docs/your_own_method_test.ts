import assert from "node:assert/strict";

const textOf = (path: string) => Deno.readTextFileSync(new URL(`../../${path}`, import.meta.url));

Deno.test("docs/your-own-method.md: what it shows of the examples stands in them", () => {
  const examples = ["simmim", "own_loss", "mae"].map((name) => textOf(`examples/${name}.ts`));
  // Indentation aside: the page shows parts of functions.
  const plain = (text: string) => text.replaceAll(/^\s+/gm, "").trim();
  const all = examples.map(plain);
  const snippets = [...textOf("docs/your-own-method.md").matchAll(/```ts ignore\n([\s\S]*?)```/g)];
  assert.ok(snippets.length >= 6);
  for (const [, snippet] of snippets) {
    // Where lines were left out, "// …" stands.
    for (const part of snippet.split(/^\s*\/\/ …\n/m)) {
      assert.ok(all.some((text) => text.includes(plain(part))), `not in the examples:\n${part}`);
    }
  }
});

Deno.test("docs/your-own-method.md: every name of mod.ts that it speaks of is exported", () => {
  // mod.ts exports browser.ts and the types of method.ts as a whole.
  const files = ["mod.ts", "browser.ts", "pipeline/engine/method.ts"];
  const exported = files.map(textOf).join("\n");
  const named = [...textOf("docs/your-own-method.md").matchAll(/`mimic\.(\w+)`/g)];
  assert.ok(named.length > 10);
  for (const [, name] of named) assert.match(exported, new RegExp(`\\b${name}\\b`), name);
});
