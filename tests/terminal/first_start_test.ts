import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { runInTerminal, terminalTest } from "./_terminal.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** What the first command may download, as it lies on the disk: libraries and what Deno keeps of them. */
const mostBytes = 160e6;

function bytesBelow(folder: string): number {
  let bytes = 0;
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    const path = `${folder}/${name}`;
    bytes += isDirectory ? bytesBelow(path) : Deno.lstatSync(path).size;
  }
  return bytes;
}

terminalTest(
  "the first command of all fetches what it needs, says so, and ends in its table",
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "mimic-first-" });
    try {
      const cache = `${folder}/deno`;
      // Links, so that the run lies elsewhere than among those of whoever tests.
      const cwd = `${folder}/mimic`;
      Deno.mkdirSync(cwd);
      for (const { name } of Deno.readDirSync(root)) {
        if (!/^(\.|runs$)/.test(name)) Deno.symlinkSync(`${root}${name}`, `${cwd}/${name}`);
      }
      const { code, raw, screen } = await runInTerminal("deno task pretrain", {
        cwd,
        env: { DENO_DIR: cache, HOME: folder },
        columns: 80,
        timeout: 2400,
      });
      const seen = screen.lines().map(({ text }) => text).join("\n");
      assert.equal(code, 0, seen);
      assert.match(raw, /Fetching libraries, once/);
      // Bar, percent, loss with its trend, speed, elapsed and remaining time, at 80 columns.
      assert.match(
        raw,
        /━+─+ +\d+ % {2}step \d+\/1200 {2}loss [\d.]+ [↓→↑] {2}[\d.]+ images\/s {2}[\dms ]+, [\dms ]+ left/,
      );
      assert.match(seen, /^this model +\d+\.\d %/m);
      assert.match(seen, /^untrained network +\d+\.\d %/m);
      assert.match(seen, /runs\/quickstart/);
      assert.doesNotMatch(seen, /Fetching|Download|Warning|warning/);
      assert.ok(screen.lines()[0].text.length < 160, "the permissions are not echoed");
      const bytes = bytesBelow(cache);
      assert.ok(bytes < mostBytes, `${Math.round(bytes / 1e6)} MB`);
      for (const name of ["onnxruntime-web", "playwright-core", "wabt", "fast-check"]) {
        const path = `${cache}/npm/registry.npmjs.org/${name}`;
        assert.throws(
          () => Deno.statSync(path),
          Deno.errors.NotFound,
          `${name} is for tests alone`,
        );
      }
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);
