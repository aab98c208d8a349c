import assert from "node:assert/strict";
import { memoryStore } from "../../../../data/archives/byte_store.ts";
import { openArchives } from "../../../../data/archives/archive_source.ts";
import type { Source } from "../../../../data/sources/source.ts";
import { fc } from "../../../../deps/fast_check.ts";
import { zipSync } from "../../../../deps/fflate.ts";
import { tarOf, textBytes } from "../../_trees.ts";

const files = {
  "train/a/1.jpg": "one",
  "train/b/2.jpg": "two ".repeat(200),
  "train/b/3.cls": "7",
  [`train/${"long".repeat(40)}.png`]: "three",
};
const bytesOf = Object.fromEntries(Object.entries(files).map(([n, t]) => [n, textBytes(t)]));
const archives = {
  tar: tarOf(files),
  zip: zipSync(bytesOf, { level: 0 }),
  "deflated zip": zipSync(bytesOf, { level: 9 }),
};

/** Opens an archive and reads all of it; only errors meant for users may come out. */
async function openAndRead(memory: Uint8Array): Promise<void> {
  const archive = { store: memoryStore(memory), path: null, name: "hostile" };
  let source: Source;
  try {
    source = await openArchives([archive], "hostile", { labels: "none" }, { memory });
  } catch (error) {
    assert.equal((error as Error).name, "UserError", String(error));
    return;
  }
  for (let i = 0; i < source.length; i++) {
    const bytes = await source.read(i).catch((error: Error) => {
      assert.equal(error.name, "UserError", String(error));
      return new Uint8Array(0);
    });
    assert.ok(bytes.length <= 100 * memory.length);
  }
}

for (const [kind, archive] of Object.entries(archives)) {
  Deno.test(`a ${kind} archive with changed bytes or a cut end neither hangs nor crashes`, () =>
    fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(archive.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.option(fc.nat(archive.length)),
        async (changes, end) => {
          const bytes = archive.slice();
          for (const [at, value] of changes) bytes[at] = value;
          await openAndRead(bytes.subarray(0, end ?? bytes.length));
        },
      ),
      { seed: 20, numRuns: 1500 },
    ));
}
