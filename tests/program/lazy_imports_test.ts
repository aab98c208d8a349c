import assert from "node:assert/strict";

const root = new URL("../../", import.meta.url);

interface Graph {
  modules: {
    specifier: string;
    dependencies?: { isDynamic?: boolean; code?: { specifier?: string } }[];
  }[];
}

/** What is loaded as soon as a file is, relative to the project; types and `import()` are not. */
async function loadedWith(entry: string): Promise<Set<string>> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", entry],
    cwd: root,
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Graph;
  const bySpecifier = new Map(modules.map((module) => [module.specifier, module]));
  const seen = new Set<string>();
  const visit = (specifier: string) => {
    if (seen.has(specifier)) return;
    seen.add(specifier);
    for (const { isDynamic, code } of bySpecifier.get(specifier)?.dependencies ?? []) {
      if (isDynamic !== true && code?.specifier !== undefined) visit(code.specifier);
    }
  };
  visit(new URL(entry, root).href);
  return new Set([...seen].map((specifier) => specifier.replace(root.href, "")));
}

Deno.test("--help loads no tensors, plots or routes; a run loads its plots when it draws them", async () => {
  const main = await loadedWith("cli/start.ts");
  assert.ok(main.has("cli/commands/mod.ts") && main.has("cli/commands/serve.ts"));
  for (const library of ["d3", "hono", "uplot", "tfjs", "sharp", "playwright"]) {
    assert.ok(!main.has(`deps/${library}.ts`), `the program loads deps/${library}.ts`);
  }
  const run = await loadedWith("pipeline/engine/session.ts");
  assert.ok(run.has("pipeline/engine/recording/run_recorder.ts") && !run.has("deps/d3.ts"));
});
