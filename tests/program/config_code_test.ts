import assert from "node:assert/strict";
import { pathToFileURL } from "node:url";
import { loadHooks } from "../../cli/running/hooks.ts";
import { trainTokenizerFirst } from "../../cli/running/train_tokenizer_first.ts";
import { readStudy } from "../../configs/study.ts";
import { resolveConfig } from "../../methods/configs.ts";
import { UserError } from "../../core/errors.ts";
import { studyParts } from "../../bench/study/parts.ts";

/** Leaves a mark where it runs. */
const marker = 'globalThis.ranBehindTheUser = true; export default { task: "pretrain" };';

/** Runs something that must be refused as code that nobody asked for, and must not have run. */
async function refuses(run: () => unknown): Promise<void> {
  const marked = globalThis as { ranBehindTheUser?: boolean };
  await assert.rejects(async () => await run(), (error) => {
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.message, /would run/);
    return true;
  });
  assert.equal(marked.ranBehindTheUser, undefined);
}

Deno.test("a file cannot name code that runs: only the user's own words do", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const module = `${folder}/evil.ts`;
    const write = (name: string, values: unknown) =>
      Deno.writeTextFileSync(`${folder}/${name}`, JSON.stringify(values));
    Deno.writeTextFileSync(module, marker);
    Deno.writeTextFileSync(
      `${folder}/parent.ts`,
      `${marker.slice(0, -3)}, extends: "./evil.ts" };`,
    );
    Deno.writeTextFileSync(`${folder}/a.yaml`, "task: pretrain\nextends: ./evil.ts\n");
    write("a.json", { task: "pretrain", extends: "./evil.ts" });
    write("b.json", { task: "pretrain", extends: pathToFileURL(module).href });
    write("c.json", { task: "pretrain", extends: "http://127.0.0.1:9/evil.ts" });
    write("d.json", { task: "pretrain", tokenizer: { recipe: module } });
    const base = pathToFileURL(`${folder}/`);
    for (const recipe of ["./a.json", "./a.yaml", "./b.json", "./c.json"]) {
      await refuses(() => resolveConfig({ recipe, base }));
      await refuses(() => resolveConfig({ extra: [recipe], base }));
    }
    // deno-lint-ignore no-explicit-any
    const flags: any = { config: [`${folder}/d.json`], set: [], out: `${folder}/run` };
    const communicator = { rank: 0, size: 1 };
    // deno-lint-ignore no-explicit-any
    const context: any = { job: { join: () => Promise.resolve(communicator) } };
    await refuses(() => trainTokenizerFirst(flags, context));

    const study = await readStudy();
    const [name] = Object.keys(study.datasets);
    study.datasets[name].recipes.tokenizer = module;
    const places = { sources: new Map([[name, "sample"]]), directoryOf: (id: string) => id };
    await refuses(() => studyParts(study, places));

    for (const recipe of ["http://127.0.0.1:9/evil.ts", "data:text/javascript,evil.js"]) {
      if (recipe.startsWith("http")) await refuses(() => resolveConfig({ recipe, base }));
      await refuses(() => loadHooks([recipe]));
    }
    // What the user names runs, and may extend what is data.
    write("plain.json", { task: "pretrain", seed: 5 });
    Deno.writeTextFileSync(
      `${folder}/mine.ts`,
      'export default { task: "pretrain", extends: "./plain.json", batchSize: 4 * 4 };',
    );
    const { config } = await resolveConfig({ recipe: "./mine.ts", base });
    assert.deepEqual([config.seed, config.batchSize], [5, 16]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
