import assert from "node:assert/strict";
import { join } from "node:path";

const main = new URL("../../../main.ts", import.meta.url).pathname;

async function tokenize(...args: string[]): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "-A", main, "tokenize", ...args],
    stderr: "piped",
    stdout: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

for (const extension of ["jsonl", "safetensors"]) {
  Deno.test(`tokenize --out leaves the old .${extension} file where nothing came of it`, async () => {
    const folder = await Deno.makeTempDir();
    const out = join(folder, `tokens.${extension}`);
    const image = join(folder, "a.pgm");
    const broken = join(folder, "b.png");
    try {
      await Deno.writeTextFile(out, "old");
      await Deno.writeTextFile(image, "P5 2 2 255\nABCD");
      await Deno.writeTextFile(broken, "not a picture");
      const noModel = await tokenize(image, "--checkpoint", join(folder, "none.pth"), "--out", out);
      assert.equal(noModel.code, 2, noModel.stderr);
      assert.equal(await Deno.readTextFile(out), "old");
      const noImage = await tokenize(broken, "--out", out, "--backend", "cpu");
      assert.equal(noImage.code, 2, noImage.stderr);
      assert.equal(await Deno.readTextFile(out), "old");
      assert.deepEqual([...Deno.readDirSync(folder)].filter(({ name }) => /tmp/.test(name)), []);
      assert.equal((await tokenize(image, "--out", out, "--backend", "cpu")).code, 0);
      assert.notEqual(await Deno.readTextFile(out), "old");
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
