/**
 * A disk that fills up: a tmpfs of a few megabytes, which only root may mount, and not in every container;
 * and a limit on the size of files, which anyone may set.
 */
import assert from "node:assert/strict";
import { latestCheckpoint } from "../../checkpoints/store/store.ts";
import type { RunEvent } from "../../pipeline/engine/events.ts";
import { pretrain } from "../../methods/beit/method.ts";
import { runTask, type TaskOutput, taskWords } from "../cli/_tasks.ts";
import { tinyConfig, tinyOverrides, withFolder, writeTinyTokenizer } from "../tasks/_tiny.ts";

async function run(command: string, ...args: string[]): Promise<string | null> {
  try {
    const { success, stderr } = await new Deno.Command(command, { args, stderr: "piped" }).output();
    return success ? null : new TextDecoder().decode(stderr).trim();
  } catch (error) {
    return `${error}`;
  }
}

/** Runs `work` with a disk of so many bytes; where there can be none, says why and how to get it. */
async function withSmallDisk(bytes: number, work: (disk: string) => Promise<void>): Promise<void> {
  const disk = await Deno.makeTempDir({ prefix: "mimic-disk-" });
  const failure = await run("mount", "-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", disk);
  try {
    if (failure !== null) {
      const reason = `a small disk needs the right to mount a tmpfs: ${failure}`;
      console.log(`left out: ${reason}; run the tests as root, outside of a container`);
      return;
    }
    await work(disk);
  } finally {
    if (failure === null) await run("umount", disk);
    await Deno.remove(disk, { recursive: true });
  }
}

/** Fills a disk until so many bytes are left. */
async function fill(disk: string, left: number): Promise<void> {
  const { statfsSync } = await import("node:fs");
  const { bavail, bsize } = statfsSync(disk);
  const bytes = Number(bavail) * Number(bsize) - left;
  Deno.writeFileSync(`${disk}/other`, new Uint8Array(Math.max(0, bytes)));
}

Deno.test("a full disk ends a run with exit code 2; what was saved is whole, and it goes on", async () => {
  await withFolder(async (folder) => {
    await withSmallDisk(4_000_000, async (disk) => {
      const tokenizer = await writeTinyTokenizer(folder);
      const words = [...tinyOverrides(tokenizer), "schedule.steps=10"]
        .flatMap((override) => ["--set", override]);
      const directory = `${disk}/run`;
      const call = [...words, "--out", directory];
      const first = await runTask("pretrain", [...call, "--max-steps", "5"]);
      assert.equal(first.code, 0, first.stderr);
      assert.ok(!first.stderr.includes("warning"), first.stderr);
      await fill(disk, 60_000);
      const full = await runTask("pretrain", call);
      assert.equal(full.code, 2, full.stderr);
      assert.match(
        full.stderr,
        /warning: The disk of .* has \S+ MB left, and a checkpoint takes \S+ MB/,
      );
      assert.match(
        full.stderr,
        /error: Cannot \S+ .*No space left on device.*free some space and run the same command again/,
      );
      assert.equal(full.stderr.trim().split("\n").filter((line) => /^error:/.test(line)).length, 1);
      const { checkpoint, broken } = latestCheckpoint(directory);
      assert.deepEqual([checkpoint?.step, broken.length], [5, 0]);
      Deno.removeSync(`${disk}/other`);
      const again = await runTask("pretrain", call);
      assert.equal(again.code, 0, again.stderr);
      assert.match(again.stderr, /Resuming after step 5/);
      assert.equal(latestCheckpoint(directory).checkpoint?.step, 10);
    });
  });
});

Deno.test({
  name: "a file that may not grow ends a run likewise, and what was saved is whole",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    await withFolder(async (folder) => {
      const tokenizer = await writeTinyTokenizer(folder);
      const words = [...tinyOverrides(tokenizer), "schedule.steps=10"]
        .flatMap((override) => ["--set", override]);
      const directory = `${folder}/run`;
      const call = [...words, "--out", directory];
      const first = await runTask("pretrain", [...call, "--max-steps", "5"]);
      assert.equal(first.code, 0, first.stderr);
      const before = bytesOf(`${directory}/checkpoints/step-5`);
      // Blocks of half a kilobyte: the logs have room, a checkpoint's tensors have not.
      const limited = await runLimited(96, ["pretrain", ...call]);
      assert.equal(limited.code, 2, limited.stderr);
      assert.match(
        limited.stderr,
        /error: Cannot \S+ .*File too large.*allow larger files.*everything saved before is intact/,
      );
      assert.deepEqual(bytesOf(`${directory}/checkpoints/step-5`), before);
      assert.deepEqual([...Deno.readDirSync(`${directory}/checkpoints`)].map(({ name }) => name), [
        "step-5",
      ]);
      const again = await runTask("pretrain", call);
      assert.equal(again.code, 0, again.stderr);
      assert.equal(latestCheckpoint(directory).checkpoint?.step, 10);
    });
  },
});

/** The files of a folder, by name. */
function bytesOf(folder: string): Map<string, Uint8Array> {
  return new Map(
    [...Deno.readDirSync(folder)].map((
      { name },
    ) => [name, Deno.readFileSync(`${folder}/${name}`)]),
  );
}

/** Runs a task whose files may have so many blocks of 512 bytes, as dash counts them. */
async function runLimited(blocks: number, [task, ...words]: string[]): Promise<TaskOutput> {
  // Ignored, the signal becomes an error of the write.
  const script = `trap '' XFSZ; ulimit -f ${blocks}; exec "$@"`;
  const args = ["-c", script, "sh", Deno.execPath(), ...taskWords(task), ...words];
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args,
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

Deno.test("room for too few checkpoints is said once, before the first", async () => {
  await withFolder(async (folder, backend) => {
    const config = await tinyConfig(await writeTinyTokenizer(folder), [
      "schedule.steps=4",
      "checkpoint.everySteps=1",
      "guard.spareCheckpoints=1e12",
    ]);
    const events: RunEvent[] = [];
    const directory = `${folder}/run`;
    await pretrain(config, { backend, directory, listener: (event) => events.push(event) });
    const said = events.filter((event) => event.type === "warning" && event.kind === "diskSpace");
    assert.equal(said.length, 1);
    const firstStep = events.findIndex(({ type }) => type === "step");
    assert.ok(events.indexOf(said[0]) < firstStep);
  });
});
