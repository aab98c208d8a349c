/** A worker thread loads what it runs, and nothing that encodes kernels or lays out their work. */

import assert from "node:assert/strict";

const root = new URL("../../../../", import.meta.url);

/** The project's modules that a module loads, by their paths. */
async function loadedModules(path: string): Promise<string[]> {
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-lock", path],
    cwd: root,
    stderr: "null",
  }).output();
  const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
    modules: { specifier: string; dependencies?: { code?: { specifier?: string } }[] }[];
  };
  const graph = new Map(modules.map(({ specifier, dependencies = [] }) => {
    return [specifier, dependencies.flatMap(({ code }) => code?.specifier ?? [])];
  }));
  const loaded = new Set([new URL(path, root).href]);
  for (const specifier of loaded) {
    for (const dependency of graph.get(specifier) ?? []) loaded.add(dependency);
  }
  return [...loaded].filter((specifier) => specifier.startsWith(root.href))
    .map((specifier) => specifier.slice(root.href.length));
}

for (const worker of ["worker_node.ts", "worker_web.ts"]) {
  Deno.test(`${worker} loads the jobs and neither descriptions nor fused kernels`, async () => {
    const loaded = await loadedModules(`backends/cpu/threads/${worker}`);
    assert.ok(loaded.includes("backends/cpu/kernels/attention/job.ts"));
    const needless = /^deps\/|\/(description|fused|mod|kernel_table)\.ts$|\/(code|wasm\/encode)/;
    assert.deepEqual(loaded.filter((path) => needless.test(path)), []);
  });
}
