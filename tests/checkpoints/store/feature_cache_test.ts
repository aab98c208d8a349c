import assert from "node:assert/strict";
import { contentKey, FeatureCache } from "../../../checkpoints/store/feature_cache.ts";
import { UserError } from "../../../core/errors.ts";

async function withCache(
  work: (
    open: (maxBytes?: number, model?: string) => FeatureCache,
    directory: string,
  ) => Promise<void>,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mimic-features-" });
  const open = (maxBytes = 1e6, model = "teacher") =>
    FeatureCache.open({ directory, model, length: 3, maxBytes });
  try {
    await work(open, directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const key = contentKey("picture");
/** Bits that a detour through numbers would change. */
const values = new Float32Array(Uint32Array.of(0x7fa00001, 0x80000000, 0x00000001).buffer);
const bitsOf = (found: Float32Array | null) => found && [...new Uint32Array(found.slice().buffer)];

Deno.test("FeatureCache gives back what was written bit for bit, to later runs too", async () => {
  await withCache(async (open) => {
    await open().write(key, values);
    const later = open();
    assert.equal(later.entries, 1);
    assert.deepEqual(bitsOf(await later.read(key)), bitsOf(values));
    assert.equal(await later.read(contentKey("another")), null);
    assert.equal(await open(1e6, "another teacher").read(key), null);
  });
});

Deno.test("FeatureCache stays within its bound and says when it is full", async () => {
  await withCache(async (open) => {
    const small = open(2 * (3 * 4 + 8));
    for (const name of ["a", "b", "c"]) await small.write(contentKey(name), values);
    assert.equal(small.isFull, true);
    assert.equal(small.entries, 2);
    assert.equal(await small.read(contentKey("c")), null);
    assert.equal(open(0).isFull, true);
  });
});

Deno.test("FeatureCache takes broken files for missing, and drops what was half-written", async () => {
  await withCache(async (open, directory) => {
    const cache = open();
    await cache.write(key, values);
    const path = `${directory}/teacher/${key.slice(0, 2)}/${key.slice(2)}`;
    const bytes = await Deno.readFile(path);
    const flipped = bytes.slice();
    flipped[5] ^= 1;
    for (const broken of [flipped, bytes.slice(0, -1), new Uint8Array(0)]) {
      await Deno.writeFile(path, broken);
      assert.equal(await cache.read(key), null, `${broken.length} bytes`);
    }
    await Deno.writeFile(`${path}.77.tmp`, bytes);
    assert.equal(open().entries, 1);
    assert.deepEqual([...Deno.readDirSync(`${directory}/teacher/${key.slice(0, 2)}`)].length, 1);
  });
});

Deno.test("FeatureCache.open() refuses a folder that cannot be, with the key to change", async () => {
  await withCache(async (_, directory) => {
    await Deno.writeTextFile(`${directory}/file`, "");
    assert.throws(
      () =>
        FeatureCache.open({ directory: `${directory}/file`, model: "m", length: 1, maxBytes: 9 }),
      (error) => error instanceof UserError && /teacher\.cache\.directory/.test(error.message),
    );
  });
});
