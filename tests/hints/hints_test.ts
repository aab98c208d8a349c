import assert from "node:assert/strict";
import { call } from "./_call.ts";
import { makeFixtures } from "./_fixtures.ts";
import { follow, patternOf } from "./_follow.ts";
import { unfollowed, variables } from "./_unfollowed.ts";
import type { HintRow } from "./_row.ts";
import { hintRows } from "./_rows.ts";
import { hintSites } from "./_scan.ts";
import { errorsPage } from "../../tools/docs/errors_page.ts";
import { withoutLayout } from "../../tools/docs/markdown.ts";

/** What the mistakes of the table have said. */
const said: string[] = [];

/** Makes a mistake, and does what is said of it. */
async function tryRow(row: HintRow, fixtures: ReadonlyMap<string, string>): Promise<void> {
  const fill = (text: string): string[] =>
    text.replaceAll(/\{(\w+)\}/g, (_, name) => {
      const value = fixtures.get(name);
      assert.ok(value !== undefined, `no fixture is called ${name}`);
      return value;
    }).split(/\s+/).filter((word) => word !== "");
  const words = fill(row.command);
  const wrong = await call(words);
  said.push(wrong.error);
  assert.match(wrong.error, new RegExp(`^${patternOf(row.error)}$`));
  assert.equal(wrong.code, 2);
  const next = [row.follow].flat().reduce(
    (words, step) => follow(step, words, wrong.error, fill),
    words,
  );
  const { code, error } = await call(next);
  if (row.next === undefined) assert.deepEqual([code, error], [0, ""], next.join(" "));
  else {
    said.push(error);
    assert.match(error, new RegExp(`^${patternOf(row.next)}$`), next.join(" "));
  }
}

Deno.test({
  name: "every hint of an error leads on when it is taken at its word",
  sanitizeResources: false,
  sanitizeOps: false,
  async fn(t) {
    const folder = await Deno.makeTempDir({ prefix: "mimic-hints-" });
    try {
      const fixtures = await makeFixtures(folder);
      for (const [index, row] of hintRows.entries()) {
        const out = `${folder}/row-${index}`;
        await t.step(`${row.error} (${JSON.stringify(row.follow)})`, async () => {
          await tryRow(row, new Map([...fixtures, ["out", out]]));
        });
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test("every hint in the source is followed, or it is said why it cannot be", () => {
  const isSaid = (text: string) =>
    said.some((error) => new RegExp(patternOf(text, ".*?")).test(error));
  const sites = hintSites();
  assert.ok(sites.length > 150, `${sites.length}`);
  const missing: string[] = [];
  const used = new Set<string>();
  for (const { place, code, texts } of sites) {
    if (texts.length === 0 && variables[code] === undefined) missing.push(`${place}: ${code}`);
    used.add(code);
    for (const text of [...texts, ...variables[code] ?? []]) {
      used.add(text);
      if (!unfollowed.has(text) && !isSaid(text)) missing.push(`${place}: ${text}`);
    }
  }
  assert.deepEqual(missing, []);
  const stale = [...unfollowed.keys(), ...Object.keys(variables)]
    .filter((text) => !used.has(text));
  assert.deepEqual(stale, [], "these hints are not in the source any more");
});

Deno.test("docs/errors.md is the table (deno task docs writes it)", () => {
  const kept = Deno.readTextFileSync(new URL("../../docs/errors.md", import.meta.url));
  assert.equal(withoutLayout(kept), withoutLayout(errorsPage()));
});
