import assert from "node:assert/strict";
import { helpPages, snapshots } from "../_help_pages.ts";

for (const [name, page] of helpPages()) {
  Deno.test(`help page ${name} is as kept (deno task snapshots writes it anew)`, () => {
    assert.equal(`${page}\n`, Deno.readTextFileSync(new URL(name, snapshots)));
  });
}

Deno.test("no kept help page is without its command", () => {
  const kept = [...Deno.readDirSync(snapshots)].map((entry) => entry.name);
  assert.deepEqual(kept.sort(), [...helpPages().keys()].sort());
});

Deno.test("help follows the terminal: no line of a page is broken at 80 columns", () => {
  for (const [name, page] of helpPages(80)) {
    for (const line of page.split("\n")) {
      // A long path or value of an example is one word: it cannot be broken and still be copied.
      const isExample = /^ +(deno task|--)/.test(line);
      assert.ok(line.length <= 80 || isExample, `${name}: ${line}`);
    }
  }
});

Deno.test("help fits into 100 columns", () => {
  for (const [name, page] of helpPages()) {
    for (const line of page.split("\n")) assert.ok(line.length <= 100, `${name}: ${line}`);
  }
});
