import assert from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../core/errors.ts";
import { RunLock } from "../../../checkpoints/store/run_lock.ts";

Deno.test("RunLock keeps another process out and is freed by its death", async () => {
  const run = await Deno.makeTempDir();
  const module = new URL("../../../checkpoints/store/run_lock.ts", import.meta.url);
  const path = join(run, "hold.ts");
  await Deno.writeTextFile(
    path,
    `import { RunLock } from "${module}";
     RunLock.acquire(Deno.args[0]); console.log("held"); setInterval(() => {}, 1000);`,
  );
  const process = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", path, run],
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.getReader();
  await reader.read();
  assert.throws(
    () => RunLock.acquire(run),
    (error: unknown) =>
      error instanceof UserError && error.message.includes(`process ${process.pid} is`),
  );
  process.kill("SIGKILL");
  await process.status;
  await reader.cancel();
  RunLock.acquire(run).release();
  await Deno.remove(run, { recursive: true });
});

Deno.test("RunLock makes the run directory and keeps its own process to one lock", async () => {
  const parent = await Deno.makeTempDir();
  const run = join(parent, "runs", "first");
  {
    using _lock = RunLock.acquire(run);
    assert.throws(() => RunLock.acquire(run), /process \d+ is writing there/);
  }
  RunLock.acquire(run).release();
  await Deno.writeTextFile(join(parent, "file"), "");
  assert.throws(() => RunLock.acquire(join(parent, "file")), UserError);
  await Deno.remove(parent, { recursive: true });
});
