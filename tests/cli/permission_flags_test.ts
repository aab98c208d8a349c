import assert from "node:assert/strict";
import { dirname } from "node:path";
import {
  installedPermissions,
  permissionFlags,
  permissionSets,
} from "../../cli/permission_flags.ts";
import { runDeno } from "./_tasks.ts";

Deno.test("flags of a set", () => {
  assert.deepEqual(permissionFlags({ read: true, ffi: false, net: ["a.org", "b.org"] }), [
    "--allow-read",
    "--allow-net=a.org,b.org",
  ]);
});

Deno.test("an installed command may do what each task may: serve pages, name the processor, no more", () => {
  const { net, sys, write, run, all } = installedPermissions();
  assert.deepEqual(net, [...permissionSets.train.net as string[], "127.0.0.1"]);
  assert.deepEqual(sys, ["statfs", "systemMemoryInfo", "cpus", "osRelease"]);
  assert.deepEqual([write, run, all], [true, undefined, undefined]);
});

Deno.test({
  name: "deno task install gives a command that asks nothing and calls itself mimic",
  // It is a batch file there.
  ignore: Deno.build.os === "windows",
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "mimic install " });
    try {
      const { code, stderr } = await runDeno(["task", "install"], { DENO_INSTALL_ROOT: folder });
      assert.equal(code, 0, stderr);
      const script = Deno.readTextFileSync(`${folder}/bin/mimic`);
      assert.match(script, / --no-prompt /);
      const granted = script.match(/--allow-[^' ]+/g)!;
      assert.deepEqual(granted.sort(), permissionFlags(installedPermissions()).sort());

      const empty = `${folder}/empty`;
      Deno.mkdirSync(empty);
      const helped = await new Deno.Command(`${folder}/bin/mimic`, {
        args: ["pretrain", "--help"],
        cwd: empty,
        env: { PATH: `${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
      }).output();
      const help = new TextDecoder().decode(helped.stdout);
      assert.equal(helped.code, 0, new TextDecoder().decode(helped.stderr));
      assert.match(help, /^mimic pretrain/m);
      assert.doesNotMatch(help, /deno task/);
      assert.deepEqual([...Deno.readDirSync(empty)], []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
