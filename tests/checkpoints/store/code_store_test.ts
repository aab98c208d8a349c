import assert from "node:assert/strict";
import { CodeStore, recordBytesOf } from "../../../checkpoints/store/code_store.ts";
import { contentKey } from "../../../checkpoints/store/feature_cache.ts";

const size = { slots: 50, patches: 196, codes: 8192 };
const keyOf = (slot: number) => contentKey(`crop ${slot}`);
const codesOf = (slot: number) =>
  Int32Array.from({ length: size.patches }, (_, patch) => (slot * 7919 + patch * 31) % size.codes);

async function withPath(work: (path: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-codes-" });
  try {
    await work(`${folder}/sub/codes`);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("CodeStore gives back what was written, to the same crop alone", async () => {
  await withPath((path) => {
    const store = CodeStore.open({ path, ...size });
    for (const slot of [0, 7, 49]) store.write(slot, keyOf(slot), codesOf(slot));
    store.close();
    const again = CodeStore.open({ path, ...size });
    assert.deepEqual(again.read(7, keyOf(7)), codesOf(7));
    assert.deepEqual(again.read(49, keyOf(49)), codesOf(49));
    assert.equal(again.read(8, keyOf(8)), null, "a hole in the file");
    assert.equal(again.read(7, keyOf(8)), null, "an image that has changed");
    assert.throws(() => again.read(50, keyOf(50)), /No slot 50/);
    again.close();
    assert.equal(recordBytesOf(size), 8 + 2 * 196 + 8);
    assert.equal(Deno.statSync(path).size, 50 * recordBytesOf(size));
  });
});

Deno.test("CodeStore takes broken records for missing, and large codebooks take four bytes", async () => {
  await withPath((path) => {
    const wide = { ...size, codes: 100_000 };
    const store = CodeStore.open({ path, ...wide });
    const codes = codesOf(1).map((code) => code + 90_000);
    for (const slot of [1, 2]) store.write(slot, keyOf(slot), codes);
    assert.deepEqual(store.read(1, keyOf(1)), codes);
    store.close();
    const bytes = Deno.readFileSync(path);
    bytes[recordBytesOf(wide) + 20] ^= 1;
    Deno.writeFileSync(path, bytes.subarray(0, bytes.length - 1));
    const broken = CodeStore.open({ path, ...wide });
    assert.equal(broken.read(1, keyOf(1)), null, "a flipped bit");
    assert.equal(broken.read(2, keyOf(2)), null, "a file that ends too early");
    broken.close();
  });
});

Deno.test("CodeStore is never wrong after kill -9 while codes are written", async () => {
  await withPath(async (path) => {
    const [store, cache] = ["code_store.ts", "feature_cache.ts"].map((name) =>
      new URL(`../../../checkpoints/store/${name}`, import.meta.url).href
    );
    const program = `
      import { CodeStore } from ${JSON.stringify(store)};
      import { contentKey } from ${JSON.stringify(cache)};
      const size = ${JSON.stringify(size)};
      const store = CodeStore.open({ path: ${JSON.stringify(path)}, ...size });
      console.log("writing");
      for (let turn = 0;; turn++) {
        const slot = turn * 17 % size.slots;
        const codes = Int32Array.from({ length: size.patches },
          (_, patch) => (slot * 7919 + patch * 31) % size.codes);
        store.write(slot, contentKey("crop " + slot), codes);
      }`;
    const script = `${path.replace(/\/sub\/codes$/, "")}/write.ts`;
    Deno.writeTextFileSync(script, program);
    for (let round = 0; round < 3; round++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "--quiet", "--no-check", "--no-lock", "--allow-all", script],
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      const reader = child.stdout.getReader();
      await reader.read();
      await new Promise((resolve) => setTimeout(resolve, round));
      child.kill("SIGKILL");
      await reader.cancel();
      assert.equal((await child.status).signal, "SIGKILL");
      const found = CodeStore.open({ path, ...size });
      for (let slot = 0; slot < size.slots; slot++) {
        const codes = found.read(slot, keyOf(slot));
        if (codes !== null) assert.deepEqual(codes, codesOf(slot));
      }
      assert.notEqual(found.read(0, keyOf(0)), null, "the first one was written");
      found.close();
    }
  });
});

Deno.test({
  name: "CodeStore says what to do on a full disk",
  ignore: Deno.build.os !== "linux",
  async fn() {
    // Writes to this device fail as on a full disk; only a process that may do everything opens it.
    const store = new URL("../../../checkpoints/store/code_store.ts", import.meta.url).href;
    const cache = new URL("../../../checkpoints/store/feature_cache.ts", import.meta.url).href;
    const program = `
      import { CodeStore } from ${JSON.stringify(store)};
      import { contentKey } from ${JSON.stringify(cache)};
      const full = CodeStore.open({ path: "/dev/full", ...${JSON.stringify(size)} });
      full.write(0, contentKey("crop 0"), new Int32Array(${size.patches}));`;
    const script = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(script, program);
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "--no-lock", "--allow-all", script],
    }).output();
    await Deno.remove(script);
    assert.equal(code, 1);
    const text = new TextDecoder().decode(stderr);
    assert.match(text, /UserError: .*No space left.*cropsPerImage=null/);
  },
});

Deno.test("CodeStore says what to do for a path that cannot be a file", async () => {
  await withPath((path) => {
    Deno.writeTextFileSync(path.replace("/sub/codes", "/file"), "");
    assert.throws(
      () => CodeStore.open({ path: path.replace("/sub/", "/file/"), ...size }),
      /tokenizer\.codesDirectory=DIR/,
    );
  });
});

Deno.test("CodeStore refuses a disk that has no room for all codes", async () => {
  await withPath((path) => {
    assert.throws(
      () => CodeStore.open({ path, ...size, slots: 1e13 }),
      /they take .*, and the disk has .* left; make room, or lower --set augment.cropsPerImage=N/,
    );
  });
});
