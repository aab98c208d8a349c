/** A page's disk behaves like the system's: the store of checkpoints is run on both. */

import assert from "node:assert/strict";
import * as nodePath from "node:path";
import * as nodeZlib from "node:zlib";
import { pageDisk } from "../../playground/disk/page_deno.ts";
import { denoOn } from "../../playground/disk/page_deno.ts";
import { createHash } from "../../playground/disk/node_crypto.ts";
import { basename, dirname, join, resolve } from "../../playground/disk/node_path.ts";
import { fileURLToPath } from "../../playground/disk/node_url.ts";
import { crc32 } from "../../playground/disk/node_zlib.ts";
import { NotFound, PageDisk } from "../../playground/disk/page_disk.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const bytesOf = (content: string) => new TextEncoder().encode(content);

/** What the program does with files; the same on any disk. */
function useFiles(files: ReturnType<typeof denoOn> | typeof Deno, root: string): unknown[] {
  const seen: unknown[] = [];
  const attempt = (work: () => unknown) => {
    try {
      seen.push(work() ?? null);
    } catch (error) {
      seen.push(error instanceof files.errors.NotFound ? "not found" : "refused");
    }
  };
  files.mkdirSync(`${root}/run/a`, { recursive: true });
  files.mkdirSync(`${root}/run/a`, { recursive: true });
  attempt(() => files.mkdirSync(`${root}/run/a`));
  attempt(() => files.mkdirSync(`${root}/none/a`));
  attempt(() => files.statSync(`${root}/run/b`));
  attempt(() => files.openSync(`${root}/run/b`));
  const log = files.openSync(`${root}/run/log`, { read: true, write: true, create: true });
  for (const line of ["one\n", "two\n", "three\n"]) log.writeSync(bytesOf(line));
  log.truncateSync(8);
  log.seekSync(4, 0);
  const part = new Uint8Array(9);
  seen.push(log.readSync(part), text(part.subarray(0, 4)), log.readSync(part));
  log.seekSync(-2, 2);
  log.writeSync(bytesOf("X and more"));
  seen.push(log.statSync().size, log.statSync().isFile);
  log.close();
  attempt(() => files.readTextFileSync(`${root}/run/log`));
  attempt(() => files.openSync(`${root}/run/log`, { write: true, createNew: true }));
  attempt(() => files.readTextFileSync(`${root}/run/a`));
  files.writeTextFileSync(`${root}/run/a/x`, "long text");
  files.writeTextFileSync(`${root}/run/a/x`, "short");
  files.writeTextFileSync(`${root}/run/a/y.tmp`, "y");
  files.renameSync(`${root}/run/a/y.tmp`, `${root}/run/a/x`);
  attempt(() => files.readTextFileSync(`${root}/run/a/x`));
  const { ino } = files.statSync(`${root}/run/a`);
  files.renameSync(`${root}/run/a`, `${root}/run/c`);
  seen.push(files.statSync(`${root}/run/c`).ino === ino);
  attempt(() => files.statSync(`${root}/run/a/x`));
  attempt(() => files.removeSync(`${root}/run`));
  attempt(() => files.renameSync(`${root}/none`, `${root}/run/d`));
  seen.push([...files.readDirSync(`${root}/run`)].map(({ name, isFile }) => [name, isFile]).sort());
  files.removeSync(`${root}/run`, { recursive: true });
  attempt(() => files.removeSync(`${root}/run`));
  return seen;
}

Deno.test("the disk of a page does with files what Deno does", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const disk = new PageDisk();
    disk.makeFolder(folder, true);
    assert.deepEqual(useFiles(denoOn(disk), folder), useFiles(Deno, folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a bundle finds the disk of its page, and errors come as rejections", async () => {
  const found = (globalThis as unknown as { pageDeno: ReturnType<typeof denoOn> }).pageDeno;
  pageDisk.createFile("/here").write(0, bytesOf("it is"));
  assert.equal(await found.readTextFile("/here"), "it is");
  const { readable } = await found.open("/here");
  assert.equal(await new Response(readable).text(), "it is");
  pageDisk.remove("/here");
  await assert.rejects(found.readFile("/here"), NotFound);
});

Deno.test("paths and hashes are Node's", async () => {
  const node = nodePath.posix;
  for (
    const parts of [["/a/", "../b", "c.d"], ["a", "./b/"], ["..", "a"], [""], ["/"], ["a", "/b"]]
  ) {
    if (parts[0] !== "..") {
      assert.equal(join(...parts), node.join(...parts).replace(/(?<=.)\/$/, ""));
    }
    assert.equal(resolve("/", ...parts), node.resolve("/", ...parts));
    assert.equal(basename(parts.join("/")), node.basename(parts.join("/")));
    assert.equal(dirname(parts.join("/")), node.dirname(parts.join("/")));
  }
  assert.equal(fileURLToPath("file:///a%20b/c"), "/a b/c");
  const digest = await crypto.subtle.digest("SHA-256", bytesOf("abc"));
  assert.deepEqual(
    createHash("sha256").update("a").update(bytesOf("bc")).digest(),
    new Uint8Array(digest),
  );
  assert.equal(crc32(bytesOf("bc"), crc32(bytesOf("a"))), nodeZlib.crc32("abc"));
});
