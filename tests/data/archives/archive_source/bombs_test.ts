import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openSource } from "../../../../data/sources/open_source.ts";
import { zipSync } from "../../../../deps/fflate.ts";
import { tarOf, textBytes, withFolder, writeTree } from "../../_trees.ts";

/** 400 MB of zeros, which take 400 kB. */
const zeros = new Uint8Array(400_000_000);

/** Must fail at once, and with little memory. */
async function refuses(work: () => Promise<unknown>, message: RegExp): Promise<void> {
  const [start, before] = [performance.now(), Deno.memoryUsage().rss];
  await assert.rejects(work(), (error: Error) => {
    assert.equal(error.name, "UserError", error.stack ?? "");
    assert.match(error.message, message);
    return true;
  });
  const grown = Deno.memoryUsage().rss - before;
  assert.ok(grown < 120 * 2 ** 20, `${grown} bytes`);
  assert.ok(performance.now() - start < 5000);
}

/** A compressed file that says of itself that it holds `size` bytes. */
function gzipSaying(size: number): Uint8Array {
  const packed = new Uint8Array(gzipSync(zeros));
  new DataView(packed.buffer).setUint32(packed.length - 4, size, true);
  return packed;
}

Deno.test("a compressed tar is inflated as far as it says, and not at all beyond the limit", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "large.tar.gz": gzipSaying(3_000_000_000),
      "lies.tar.gz": gzipSaying(1024),
      "set/0.tar": tarOf({ "a.jpg": "one" }),
      "set/1.tar.gz": gzipSaying(2_200_000_000),
    });
    const open = (name: string) => () => openSource(`${root}/${name}`);
    await refuses(
      open("large.tar.gz"),
      /Cannot hold "[^"]*large.tar.gz" in memory: .*2147483648 bytes; unpack it with gunzip/,
    );
    await refuses(open("lies.tar.gz"), /it holds more than the 1024 bytes it declares/);
    await refuses(open("set"), /Cannot hold "[^"]*\/1.tar.gz" in memory/);
  }));

/** A zip with one member, whose directory says that it holds `bytes`. */
function zipSaying(name: string, bytes: number): Uint8Array {
  const zip = zipSync({ [name]: zeros.subarray(0, 20_000_000) }, { level: 1 });
  const view = new DataView(zip.buffer);
  const directory = view.getUint32(zip.length - 6, true);
  assert.equal(view.getUint32(directory, true), 0x02014b50);
  view.setUint32(directory + 24, bytes, true);
  return zip;
}

Deno.test("a zip member is inflated as far as its directory says, and not at all beyond the limit", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "large.zip": zipSaying("a.jpg", 400_000_000),
      "lies.zip": zipSaying("a.jpg", 1000),
      "list.zip": zipSaying("meta/train.txt", 400_000_000),
      "label.zip": zipSaying("a.cls", 10),
    });
    const read = (name: string) => async () => await (await openSource(`${root}/${name}`)).read(0);
    await refuses(read("large.zip"), /it has 400000000 bytes, expected at most 268435456/);
    await refuses(read("lies.zip"), /the zip member holds more than it declares/);
    await refuses(read("list.zip"), /meta\/train.txt.*it has 400000000 bytes/);
    await refuses(read("label.zip"), /a.cls.*(holds more than it declares|expected at most 1024)/);
  }));

Deno.test("a zip whose directory claims gigabytes is refused before they are asked for", () =>
  withFolder(async (root) => {
    const zip = zipSync({ "a.jpg": textBytes("one") }, { level: 0 });
    new DataView(zip.buffer).setUint32(zip.length - 10, 0xfffffff0, true);
    await writeTree(root, { "x.zip": zip });
    await refuses(
      () => openSource(`${root}/x.zip`),
      /Cannot read zip archive .*its directory is missing/,
    );
  }));

Deno.test("a file that is no image by its size is not read, nor a device that a list names", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "a/small.jpg": "one",
      "list.txt": "../../../../../../../../dev/zero.jpg\n",
    });
    Deno.truncateSync(`${root}/a/small.jpg`, 3_000_000_000);
    const source = await openSource(root);
    await refuses(() => source.read(0), /it has 3000000000 bytes, expected at most 268435456/);
    Deno.symlinkSync("/dev/zero", `${root}/zero.jpg`);
    await Deno.writeTextFile(`${root}/list.txt`, "zero.jpg\n");
    const listed = await openSource(root, { list: `${root}/list.txt` });
    await refuses(() => listed.read(0), /it is not a file/);
  }));
