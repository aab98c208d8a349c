import assert from "node:assert/strict";

import { isForMusl } from "../../tools/trim_lock.ts";

const root = new URL("../../", import.meta.url);

interface Lock {
  specifiers: Record<string, string>;
  npm: Record<string, { integrity: string }>;
}

function readLock(name: string): Lock {
  return JSON.parse(Deno.readTextFileSync(new URL(name, root)));
}

/** What is loaded on demand; Deno then writes it into the lock file that it was started with. */
const onDemand = /^npm:(webgpu|heic-decode|onnxruntime-node|onnxruntime-web)@/;

/** main.lock; the committed one, if commands that ran here have added to it. */
function readMainLock(): Lock {
  const lock = readLock("main.lock");
  if (!Object.keys(lock.specifiers).some((name) => onDemand.test(name))) return lock;
  const { stdout } = new Deno.Command("git", { args: ["show", "HEAD:main.lock"], cwd: root })
    .outputSync();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("main.lock holds what the program may load and nothing more (deno task lock)", async () => {
  const packages = new Set<string>();
  for (const entry of ["cli/start.ts", "data/loader/worker.ts"]) {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--no-lock", entry],
      cwd: root,
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as {
      modules: { dependencies?: { specifier: string }[] }[];
    };
    for (const { dependencies = [] } of modules) {
      for (const { specifier } of dependencies) {
        // `npm:@scope/name@1.2.3/path` and `npm:name@1.2.3/path` without their paths.
        const name = specifier.match(/^npm:((?:@[^/]+\/)?[^/]+)/)?.[1];
        if (name !== undefined) packages.add(`npm:${name}`);
      }
    }
  }
  assert.deepEqual(Object.keys(readMainLock().specifiers).sort(), [...packages].sort());
});

Deno.test("main.lock leaves out what no Deno can load", () => {
  assert.deepEqual(Object.keys(readMainLock().npm).filter((name) => isForMusl(name)), []);
  assert.ok(Object.keys(readLock("deno.lock").npm).some(isForMusl));
});

Deno.test("main.lock and deno.lock name the same versions", () => {
  const [main, all] = [readMainLock(), readLock("deno.lock")];
  for (const [specifier, version] of Object.entries(main.specifiers)) {
    assert.equal(all.specifiers[specifier], version, specifier);
  }
  for (const [name, { integrity }] of Object.entries(main.npm)) {
    assert.equal(all.npm[name]?.integrity, integrity, name);
  }
});
