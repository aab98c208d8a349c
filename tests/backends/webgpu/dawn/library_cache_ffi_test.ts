import assert from "node:assert/strict";
import { isCached, libraryCache } from "../../../../backends/webgpu/dawn/library_cache_ffi.ts";

Deno.test("a package is cached if a registry's folder has that version", async () => {
  const before = Deno.env.get("DENO_DIR");
  const folder = await Deno.makeTempDir();
  try {
    Deno.env.set("DENO_DIR", folder);
    assert.equal(libraryCache(), `${folder}/npm`);
    const wanted = { name: "webgpu", version: "1.2.3" };
    assert.equal(isCached(wanted), false, "no cache yet");
    const place = `${folder}/npm/registry.example/webgpu/1.2.3`;
    Deno.mkdirSync(place, { recursive: true });
    assert.equal(isCached(wanted), false, "a download that broke off");
    Deno.writeTextFileSync(`${place}/package.json`, "{}");
    assert.equal(isCached(wanted), true);
    assert.equal(isCached({ ...wanted, version: "1.2.4" }), false);
  } finally {
    if (before === undefined) Deno.env.delete("DENO_DIR");
    else Deno.env.set("DENO_DIR", before);
    await Deno.remove(folder, { recursive: true });
  }
});
