import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import project from "../../../deno.json" with { type: "json" };
import { commands } from "../../../cli/commands/mod.ts";
import { denoVersion, manifest, pack, publishedFiles } from "../../../tools/npm/pack.ts";
import { Session, terminalTest } from "../../terminal/_terminal.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

async function output(command: string, args: readonly string[], cwd = root) {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], cwd })
    .output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** Modules that are started by name, and so hidden from `deno info main.ts`. */
const entryPoints = [
  "main.ts",
  "mod.ts",
  "browser.ts",
  "cli/start.ts",
  "cli/fetch_progress.ts",
  "data/loader/worker.ts",
  "backends/cpu/threads/worker_node.ts",
  "backends/cpu/threads/worker_web.ts",
];

Deno.test("the package holds every module that the program imports, and nothing for developers", async () => {
  const files = new Set(await publishedFiles());
  for (const entry of entryPoints) {
    const { out, err } = await output(Deno.execPath(), [
      ...["info", "--json", "--no-remote", "--lock=deno.lock"],
      entry,
    ]);
    const { modules } = JSON.parse(out) as { modules: { specifier: string }[] };
    const local = modules.filter(({ specifier }) => specifier.startsWith("file:"));
    assert.ok(local.length > 0, err);
    for (const { specifier } of local) {
      const path = fileURLToPath(specifier).slice(root.length);
      assert.ok(
        files.has(path),
        `${entry} imports ${path}, which "publish" in deno.json leaves out`,
      );
    }
  }
  assert.ok(files.has("cli/permission_flags.ts"), "which deno task install runs");
  for (const path of files) {
    assert.doesNotMatch(path, /^(tools|docs|examples|\.)|bench\/results/);
    if (path.startsWith("tests/")) assert.match(path, /^tests\/fixtures\/parity\//);
  }
});

Deno.test("every command is a task, so that the launcher finds its permissions", () => {
  const tasks: Readonly<Record<string, { readonly command: string }>> = project.tasks;
  for (const { name } of commands) {
    assert.match(
      tasks[name]?.command ?? "",
      new RegExp(` -P=\\w+ (--\\S+ )*main\\.ts ${name}$`),
      name,
    );
  }
});

Deno.test("every document names the Deno that the package brings", async () => {
  const { out } = await output("git", ["grep", "-hoE", "deno@[0-9]+\\.[0-9]+\\.[0-9]+"]);
  assert.deepEqual([...new Set(out.trim().split("\n"))], [`deno@${denoVersion}`]);
  assert.equal(manifest().version, project.version);
});

/** What every file of the installed package is, with when it was last written. */
function installedFiles(npmCache: string): Map<string, number> {
  const found = new Map<string, number>();
  const visit = (folder: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(folder)) {
      const path = `${folder}/${name}`;
      if (isDirectory) visit(path);
      else found.set(path, Deno.statSync(path).mtime!.getTime());
    }
  };
  for (const { name } of Deno.readDirSync(`${npmCache}/_npx`)) {
    visit(`${npmCache}/_npx/${name}/node_modules/@mimic/mimic`);
  }
  return found;
}

/** Counts what programs with this environment download; for a machine without a proxy of its own. */
async function countDownloads(): Promise<{
  env: Record<string, string>;
  bytes: () => Promise<number>;
  stop: () => Promise<void>;
}> {
  const proxy = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--allow-net", `${root}tests/tools/npm/_counting_proxy.ts`],
    stdout: "piped",
  }).spawn();
  const reader = proxy.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const address = `http://127.0.0.1:${Number((await reader.read()).value)}`;
  return {
    env: { HTTPS_PROXY: address },
    bytes: async () => Number(await (await fetch(address)).text()),
    stop: async () => {
      proxy.kill();
      await reader.cancel();
      await proxy.status;
    },
  };
}

terminalTest(
  "from the package alone: a run, its checkpoint, Ctrl-C, and hints that name npx",
  async () => {
    // A path with a space, as users have; nothing in it, and nothing at home.
    const folder = await Deno.makeTempDir({ prefix: "mimic npm " });
    try {
      await pack(folder);
      const env = {
        HOME: `${folder}/home`,
        DENO_DIR: `${folder}/deno`,
        npm_config_cache: `${folder}/npm`,
      };
      const start = `npx --yes ./mimic-${project.version}.tgz`;
      const run = (words: string, own = env) =>
        new Session(`${start} ${words}`, { cwd: folder, env: own, columns: 100, timeout: 900 });

      const downloads = await countDownloads();
      const started = performance.now();
      const first = { ...env, ...downloads.env };
      const trained = await run("pretrain --max-steps 2 --quiet --json", first).end();
      const seconds = (performance.now() - started) / 1000;
      const megabytes = await downloads.bytes() / 1e6;
      await downloads.stop();
      assert.equal(trained.code, 0, trained.raw);
      console.log(
        `npx, 2 steps: ${seconds.toFixed(0)} s, ${megabytes.toFixed(0)} MB downloaded`,
      );
      // No more is asserted: what npm tries again on a slow line counts twice.
      assert.ok(megabytes > 50, `${megabytes} MB`);
      assert.match(trained.raw, /"directory": "runs\/quickstart"/);
      const { size } = Deno.statSync(`${folder}/runs/quickstart/config.json`);
      assert.ok(size > 0);

      const installed = installedFiles(env.npm_config_cache);
      assert.ok(installed.size > 500, `${installed.size} files`);

      const examined = await run("doctor --quick").end();
      assert.match(examined.raw, /Everything that starts works|not granted|granted/);
      assert.equal(examined.code, 0, examined.raw);

      const classifier = "finetune --checkpoint runs/quickstart --max-steps 2 --quiet";
      assert.equal((await run(classifier).end()).code, 0);
      Deno.copyFileSync(`${root}tests/fixtures/images/coffee.png`, `${folder}/coffee.png`);
      const predicted = await run("predict coffee.png --checkpoint runs/finetune_quickstart").end();
      assert.equal(predicted.code, 0, predicted.raw);
      assert.match(predicted.raw, /coffee\.png/);

      const interrupted = run("pretrain --out runs/stopped");
      await interrupted.see(/step \d+\/1200/);
      await interrupted.type("\x03");
      const { code, raw } = await interrupted.end();
      assert.equal(code, 130, raw);
      assert.ok(raw.includes(`${start.replace(" --yes", "")} pretrain --resume runs/stopped`), raw);

      const mistaken = await run("pretrian").end();
      assert.equal(mistaken.code, 2);
      assert.match(mistaken.raw, /did you mean "pretrain"\?/);
      // The package may be read-only: nothing in it has changed.
      assert.deepEqual(installedFiles(env.npm_config_cache), installed);
      // Nothing but what was asked for, and caches.
      const caches = ["deno", "home", "npm"];
      const left = [...Deno.readDirSync(folder)].map(({ name }) => name)
        .filter((name) => !caches.includes(name)).sort();
      assert.deepEqual(left, ["coffee.png", `mimic-${project.version}.tgz`, "runs"]);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("importing the package in Node is refused, with what to do instead", async () => {
  const file = JSON.stringify(`${root}tools/npm/refuse.cjs`);
  const { code, err } = await output("node", ["-e", `import(${file})`]);
  assert.equal(code, 1);
  assert.match(err, /Cannot import @mimic\/mimic in Node: .*npx @mimic\/mimic --help/);
});
