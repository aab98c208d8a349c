import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { dawnPackage } from "../../deps/dawn.ts";
import { assertTidy, runInTerminal, Session, terminalTest } from "./_terminal.ts";

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

/** Hands on a copy of the project by links, apart from the runs of whoever tests, and an empty home. */
async function withEmptyCache(
  test: (cwd: string, env: Record<"DENO_DIR" | "HOME", string>) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mimic-first-" });
  try {
    const cwd = `${folder}/mimic`;
    Deno.mkdirSync(cwd);
    for (const { name } of Deno.readDirSync(root)) {
      if (!/^(\.|runs$|main\.lock$)/.test(name)) {
        Deno.symlinkSync(`${root}${name}`, `${cwd}/${name}`);
      }
    }
    // As it is committed: commands that ran here may have added what they loaded on demand.
    const { success, stdout } = await new Deno.Command("git", {
      args: ["show", "HEAD:main.lock"],
      cwd: root,
    }).output();
    Deno.writeFileSync(
      `${cwd}/main.lock`,
      success ? stdout : Deno.readFileSync(`${root}main.lock`),
    );
    await test(cwd, { DENO_DIR: `${folder}/deno`, HOME: folder });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Names of all folders below one: a package's lies at a place that follows from the registry's address. */
function foldersBelow(folder: string): Set<string> {
  const names = new Set<string>();
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (!isDirectory) continue;
    names.add(name);
    for (const inner of foldersBelow(`${folder}/${name}`)) names.add(inner);
  }
  return names;
}

terminalTest(
  "the first command of all fetches what it needs, and ends in its table",
  async () => {
    await withEmptyCache(async (cwd, env) => {
      const { code, raw, screen } = await runInTerminal("deno task pretrain", {
        ...{ cwd, env },
        columns: 80,
        timeout: 2400,
      });
      const seen = screen.lines().map(({ text }) => text).join("\n");
      assert.equal(code, 0, seen);
      // Bar, percent, loss with its trend, speed, elapsed and remaining time, at 80 columns.
      assert.match(
        raw,
        /━+─+ +\d+ % {2}step \d+\/1200 {2}loss [\d.]+ [↓→↑] {2}[\d.]+ images\/s {2}[\dms ]+, [\dms ]+ left/,
      );
      assert.match(seen, /^this model +\d[\d.]* +\d+\.\d %/m);
      assert.match(seen, /^untrained network +\d[\d.]* +\d+\.\d %/m);
      assert.match(seen, /runs\/quickstart/);
      assert.doesNotMatch(seen, /Fetching|Download|Warning|warning/);
      assert.ok(screen.lines()[0].text.length < 160, "the permissions are not echoed");
      const bytes = bytesBelow(env.DENO_DIR);
      assert.ok(bytes < mostBytes, `${Math.round(bytes / 1e6)} MB`);
      const packages = foldersBelow(`${env.DENO_DIR}/npm`);
      assert.ok(packages.has("tfjs-core"), "packages are looked for where they lie");
      for (
        const name of [
          "onnxruntime-web",
          "onnxruntime-node",
          "playwright-core",
          "wabt",
          "fast-check",
        ]
      ) {
        assert.ok(!packages.has(name), `${name} is not for the first command`);
      }
      const dawn = dawnPackage.name;
      assert.ok(!packages.has(dawn), "Dawn is downloaded with its first use");
    });
  },
);

terminalTest("a first start without the registry says what came in between", async () => {
  await withEmptyCache(async (cwd, env) => {
    const refused = { ...env, NPM_CONFIG_REGISTRY: "http://127.0.0.1:9" };
    const command = "deno task pretrain";
    const ended = await new Session(command, { cwd, env: refused }).end();
    assertTidy(ended, command);
    assert.equal(ended.code, 1);
    const words = ended.screen.lines().map(({ text }) => text.trim()).join(" ");
    assert.match(
      words,
      /error: Cannot load the program: Failed caching npm package '.*': .*http:\/\/127\.0\.0\.1:9.*onnection refused.*; the first start downloads libraries/,
    );
  });
});

terminalTest("a first start that waits for the registry says what for", async () => {
  // Longer than the program's patience, and no answer that helps.
  const registry = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async () => {
    await new Promise((resolve) => setTimeout(resolve, 3000));
    return new Response("nothing here", { status: 404 });
  });
  try {
    await withEmptyCache(async (cwd, env) => {
      const slow = { ...env, NPM_CONFIG_REGISTRY: `http://127.0.0.1:${registry.addr.port}` };
      const { code, raw } = await runInTerminal("deno task pretrain", { cwd, env: slow });
      assert.match(raw, /Fetching libraries, once: \d+ MB on disk +\d+s/);
      assert.equal(code, 1);
    });
  } finally {
    await registry.shutdown();
  }
});
