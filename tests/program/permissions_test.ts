import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { permissionSets } from "../../cli/permission_flags.ts";
import { runDeno, taskWords } from "../cli/_tasks.ts";

const project = JSON.parse(
  Deno.readTextFileSync(new URL("../../deno.json", import.meta.url)),
) as { tasks: Record<string, { command: string }> };

/** Tasks of users: those that run the program. */
const names = Object.entries(project.tasks).filter(([, { command }]) => / main\.ts\b/.test(command))
  .map(([name]) => name).filter((name) => name !== "install");

Deno.test("every task of the program asks nothing, is quiet, locked, and has a permission set", () => {
  assert.ok(names.length > 20);
  for (const name of names) {
    const { command } = project.tasks[name];
    const words = command.replace(/^XDG_RUNTIME_DIR=\S+ /, "");
    assert.match(words, /^deno run -q --no-prompt --lock=main\.lock -P=\w+ /, name);
    const set = command.match(/-P=(\w+)/)![1];
    assert.ok(set in permissionSets, `${name}: ${set}`);
    assert.ok(command.length < 140, `${name} is echoed in ${command.length} characters`);
  }
});

Deno.test("no set runs programs or imports from another machine; safe has nothing native", () => {
  for (const [name, set] of Object.entries(permissionSets)) {
    assert.deepEqual(set.import, ["none.invalid"], name);
    assert.ok(!("run" in set) && !("all" in set), name);
  }
  assert.deepEqual(permissionSets.safe, {
    read: true,
    write: ["runs"],
    import: ["none.invalid"],
  });
});

/** Modules that would fetch code, one literally, one by a name that is made while it runs. */
const literal = (url: string) => `import "${url}"; export default { task: "pretrain" };`;
const computed = (url: string) =>
  `await import(["${url.slice(0, 5)}", "${url.slice(5)}"].join("")); export default {};`;

Deno.test("remote imports are refused with the permissions of any set, literal and computed", async () => {
  let asked = 0;
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => {
    asked++;
    const headers = { "content-type": "application/typescript" };
    return new Response("export {};", { headers });
  });
  const folder = await Deno.makeTempDir();
  try {
    const urls = [
      `http://127.0.0.1:${server.addr.port}/x.ts`,
      "https://raw.githubusercontent.com/x/y/z.ts",
      "https://esm.sh/x",
    ];
    for (const [index, url] of urls.entries()) {
      for (const [kind, text] of Object.entries({ literal, computed })) {
        const recipe = `${folder}/${kind}-${index}.ts`;
        Deno.writeTextFileSync(recipe, text(url));
        const { code, stderr } = await runDeno([...taskWords("config"), "print", recipe]);
        assert.equal(code, 2, stderr);
        assert.match(stderr, /import access|Requires import/, `${kind} ${url}`);
      }
    }
    const words = ["run", "-q", "--no-prompt", "--no-lock"];
    const program = `${folder}/computed-0.ts`;
    for (const set of Object.keys(permissionSets)) {
      const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
      const { code, stderr } = await runDeno([...words, "--config", config, `-P=${set}`, program]);
      assert.notEqual(code, 0);
      assert.match(stderr, /Requires import access/, set);
    }
    assert.equal(asked, 0);
  } finally {
    await server.shutdown();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("pretrain:safe trains, and writes nowhere but below runs/", async () => {
  const project = await Deno.makeTempDir({ prefix: "mimic-safe-" });
  const root = fileURLToPath(new URL("../../", import.meta.url));
  try {
    const { code, stderr } = await runDeno([
      ...taskWords("pretrain:safe").slice(1),
      "--max-steps",
      "1",
      "--out",
      `${project}/elsewhere`,
    ]);
    assert.equal(code, 2);
    assert.match(
      stderr,
      /Requires write access to .*without --allow-write for that, see SECURITY\.md/,
    );
    const out = "runs/.permissions-test";
    try {
      const words = ["--max-steps", "1", "--backend", "cpu", "--out", out];
      const done = await runDeno([...taskWords("pretrain:safe").slice(1), ...words]);
      assert.equal(done.code, 0, done.stderr);
      assert.match(done.stderr, /Computing on cpu: WebAssembly/);
    } finally {
      await Deno.remove(`${root}${out}`, { recursive: true });
    }
  } finally {
    await Deno.remove(project, { recursive: true });
  }
});
