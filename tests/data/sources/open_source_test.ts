import assert from "node:assert/strict";
import { openSource } from "../../../data/sources/open_source.ts";
import type { Source } from "../../../data/sources/source.ts";
import { zipSync } from "../../../deps/fflate.ts";
import { tarOf, textBytes, withFolder, writeTree } from "../_trees.ts";

const entries = (source: Source) =>
  Array.from({ length: source.length }, (_, i) => {
    const { id, label } = source.entry(i);
    return `${id} ${label}`;
  });

async function contents(source: Source): Promise<string[]> {
  const texts: string[] = [];
  for (let i = 0; i < source.length; i++) {
    texts.push(new TextDecoder().decode(await source.read(i)));
  }
  source.close?.();
  return texts;
}

const classTree = { "b/2.jpg": "b2", "a/1.JPEG": "a1", "b/sub/1.png": "b1", "b/notes.txt": "" };
const classEntries = ["a/1.JPEG 0", "b/2.jpg 1", "b/sub/1.png 1"];

Deno.test("openSource() reads class folders", () =>
  withFolder(async (root) => {
    await writeTree(root, { ...classTree, ".hidden/x.jpg": "", "a/.x.jpg": "" });
    const source = await openSource(`${root}/`);
    assert.deepEqual(source.classes, ["a", "b"]);
    assert.deepEqual(entries(source), classEntries);
    assert.deepEqual(await contents(source), ["a1", "b2", "b1"]);
    const unlabelled = await openSource(root, { labels: "none" });
    assert.deepEqual(unlabelled.classes, []);
    assert.deepEqual(entries(unlabelled), ["a/1.JPEG -1", "b/2.jpg -1", "b/sub/1.png -1"]);
  }));

Deno.test("openSource() reads flat folders without labels and insists on classes if told", () =>
  withFolder(async (root) => {
    await writeTree(root, { "z.jpg": "z", "deep/er/y.webp": "y" });
    assert.deepEqual(entries(await openSource(root)), ["deep/er/y.webp -1", "z.jpg -1"]);
    await assert.rejects(openSource(root, { labels: "folders" }), /found 1 outside; move them/);
  }));

Deno.test("openSource() chooses splits", () =>
  withFolder(async (root) => {
    await writeTree(root, { "train/a/1.jpg": "t", "val/a/2.jpg": "v", "meta/readme": "" });
    assert.deepEqual(entries(await openSource(root)), ["train/a/1.jpg 0"]);
    assert.deepEqual(entries(await openSource(root, { split: "val" })), ["val/a/2.jpg 0"]);
    assert.deepEqual(entries(await openSource(root, { split: "test" })), ["val/a/2.jpg 0"]);
    assert.deepEqual(await contents(await openSource(`${root}/val`)), ["v"]);
    await assert.rejects(
      openSource(`${root}/val`, { split: "val" }),
      /Cannot find the val split in ".*val": expected a folder "val", found "a"; give/,
    );
    await writeTree(root, { "toys/a/1.jpg": "" });
    assert.deepEqual((await openSource(root)).classes, ["toys", "train", "val"]);
  }));

Deno.test("openSource() reads mmselfsup's list files", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "meta/train.txt": "n02/b 1.JPEG 1\nn01/a.JPEG 0\n\n",
      "meta/val.txt": "x.JPEG\ny.JPEG\n",
      "train/n01/a.JPEG": "a",
      "train/n02/b 1.JPEG": "b",
      "train/n02/unlisted.JPEG": "",
      "val/x.JPEG": "x",
      "val/y.JPEG": "y",
      "other.txt": "n01/a.JPEG 7\n",
    });
    const source = await openSource(root, { split: "train" });
    assert.deepEqual(source.classes, ["n01", "n02"]);
    assert.deepEqual(entries(source), ["n02/b 1.JPEG 1", "n01/a.JPEG 0"]);
    assert.deepEqual(await contents(source), ["b", "a"]);
    assert.deepEqual(entries(await openSource(root, { split: "val" })), ["x.JPEG -1", "y.JPEG -1"]);
    const other = await openSource(root, { list: `${root}/other.txt` });
    assert.deepEqual(entries(other), ["n01/a.JPEG 7"]);
    assert.equal(other.classes.length, 8);
    for (
      const [text, pattern] of [
        ["n01/a.JPEG 0\nwhat is this\n", /line 2: expected "path label" or "path", found "what/],
        ["n01/a.JPEG 0\nn01/b.JPEG\n", /line 2: expected a label as well/],
        ["\n", /Cannot find images/],
      ] as const
    ) {
      await writeTree(root, { "bad.txt": text });
      await assert.rejects(openSource(root, { list: `${root}/bad.txt` }), pattern);
    }
    await assert.rejects(openSource(root, { list: `${root}/none.txt` }), /Cannot read list/);
  }));

const archiveTree = {
  "train/b/2.jpg": "b2",
  "train/a/1.jpg": "a1 ".repeat(300),
  "val/a/3.jpg": "a3",
};
const archiveEntries = ["train/a/1.jpg 0", "train/b/2.jpg 1"];

Deno.test("openSource() reads zip archives, stored and deflated", () =>
  withFolder(async (root) => {
    const files = Object.fromEntries(
      Object.entries(archiveTree).map(([name, text]) => [name, textBytes(text)]),
    );
    for (const level of [0, 9] as const) {
      await Deno.writeFile(`${root}/data.zip`, zipSync(files, { level }));
      const source = await openSource(`${root}/data.zip`);
      assert.deepEqual(entries(source), archiveEntries);
      assert.deepEqual(await contents(source), ["a1 ".repeat(300), "b2"]);
      const val = await openSource(`${root}/data.zip`, { split: "val" });
      assert.deepEqual(await contents(val), ["a3"]);
      const bytes = await Deno.readFile(`${root}/data.zip`);
      await Deno.writeFile(`${root}/cut.zip`, bytes.subarray(0, bytes.length - 40));
      await assert.rejects(openSource(`${root}/cut.zip`), /Cannot read zip archive .*cut.zip"/);
    }
  }));

Deno.test("openSource() reads tar archives with long names and a folder around everything", () =>
  withFolder(async (root) => {
    const long = `photos/train/${"long".repeat(40)}/${"name".repeat(20)}.jpg`;
    const tar = tarOf({ "./photos/val/a/1.jpg": "x", "./photos/train/a/2.jpg": "y", [long]: "z" });
    await Deno.writeFile(`${root}/data.tar`, tar);
    const source = await openSource(`${root}/data.tar`);
    assert.deepEqual(source.classes, ["a", "long".repeat(40)]);
    assert.equal(source.entry(1).id, long);
    assert.deepEqual(await contents(source), ["y", "z"]);
    const gz = new Response(new Blob([tar]).stream().pipeThrough(new CompressionStream("gzip")));
    await Deno.writeFile(`${root}/data.tar.gz`, new Uint8Array(await gz.arrayBuffer()));
    const unpacked = await openSource(`${root}/data.tar.gz`, { split: "val" });
    assert.deepEqual(await contents(unpacked), ["x"]);
    await Deno.writeFile(`${root}/cut.tar`, tar.subarray(0, 1536));
    await assert.rejects(openSource(`${root}/cut.tar`), /a member is truncated at byte 1024/);
    await Deno.writeTextFile(`${root}/text.tar`, "nothing of the kind".repeat(100));
    await assert.rejects(openSource(`${root}/text.tar`), /expected a folder, a tar or a zip/);
  }));

Deno.test("openSource() reads webdataset shards with .cls members", () =>
  withFolder(async (root) => {
    const shard = (n: number) =>
      tarOf({ "0.jpg": `p${n}`, "0.cls": `${n + 1}\n`, "1.x.jpg": `q${n}`, "1.cls": "0" });
    await writeTree(root, { "000.tar": shard(0), "001.tar": shard(1) });
    const source = await openSource(root);
    assert.deepEqual(source.classes, ["0", "1", "2"]);
    assert.deepEqual(entries(source), [
      "000.tar/0.jpg 1",
      "000.tar/1.x.jpg 0",
      "001.tar/0.jpg 2",
      "001.tar/1.x.jpg 0",
    ]);
    assert.deepEqual(await contents(source), ["p0", "q0", "p1", "q1"]);
    const one = await openSource(`${root}/001.tar`, { labels: "none" });
    assert.deepEqual(entries(one), ["0.jpg -1", "1.x.jpg -1"]);
    await writeTree(root, { "s/train-0.tar": shard(4), "s/val-0.tar": tarOf({ "v.jpg": "v" }) });
    assert.deepEqual(await contents(await openSource(`${root}/s`, { split: "val" })), ["v"]);
    assert.deepEqual(await contents(await openSource(`${root}/s`)), ["p4", "q4"]);
    const names = tarOf({ "0.jpg": "", "0.cls": "dog", "1.jpg": "", "1.cls": "cat", "2.jpg": "" });
    await Deno.writeFile(`${root}/names.tar`, names);
    await assert.rejects(openSource(`${root}/names.tar`), /Cannot label "2.jpg"/);
  }));

Deno.test("openSource() fetches archives by address", () =>
  withFolder(async (root) => {
    const tar = tarOf({ "train/a/1.jpg": "one", "test/a/2.jpg": "two" });
    await Deno.writeFile(`${root}/sample data.tar`, tar);
    const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
      const isThere = new URL(request.url).pathname === "/sample.tar";
      return isThere ? new Response(tar) : new Response("no", { status: 404 });
    });
    const base = `http://127.0.0.1:${server.addr.port}`;
    const source = await openSource(`${base}/sample.tar`, { split: "test" });
    assert.deepEqual(await contents(source), ["two"]);
    assert.ok(source.memory!.buffer instanceof SharedArrayBuffer);
    await assert.rejects(openSource(new URL(`${base}/other.tar`)), /the server answered 404/);
    await server.shutdown();
    const file = new URL(`file://${encodeURI(root)}/sample%20data.tar`);
    assert.deepEqual(await contents(await openSource(file)), ["one"]);
  }));

Deno.test("openSource() says what is wrong with a path", () =>
  withFolder(async (root) => {
    await assert.rejects(
      openSource(`${root}/missing`),
      /Cannot read data ".*missing": no such file or folder; give the path of your images with --data/,
    );
    await assert.rejects(openSource(root), /Cannot find images in .* found none; check the path/);
    await writeTree(root, { "sub/readme.md": "" });
    await assert.rejects(openSource(root), /Cannot find images/);
  }));

Deno.test("openSource() keeps large listings and notices changes", () =>
  withFolder(async (root) => {
    await Deno.mkdir(`${root}/data/a`, { recursive: true });
    for (let i = 0; i < 20_000; i++) {
      Deno.openSync(`${root}/data/a/${i}.jpg`, {
        create: true,
        write: true,
      }).close();
    }
    const options = { cacheDirectory: `${root}/cache` };
    assert.equal((await openSource(`${root}/data`, options)).length, 20_000);
    const [cached] = [...Deno.readDirSync(`${root}/cache`)];
    const path = `${root}/cache/${cached.name}`;
    const listing = JSON.parse(await Deno.readTextFile(path));
    listing.folders[1].files = ["from_the_cache.jpg"];
    await Deno.writeTextFile(path, JSON.stringify(listing));
    assert.equal((await openSource(`${root}/data`, options)).length, 1);
    await Deno.writeTextFile(`${root}/data/a/new.jpg`, "");
    assert.equal((await openSource(`${root}/data`, options)).length, 20_001);
    await Deno.writeTextFile(path, "{broken");
    assert.equal((await openSource(`${root}/data`, options)).length, 20_001);
  }));

Deno.test("the bundled sample has ten classes in two splits", async () => {
  const asset = new URL("../../../assets/fashion-mnist.tar.gz", import.meta.url);
  assert.ok((await Deno.stat(asset)).size <= 3_000_000);
  const train = await openSource(asset, { split: "train" });
  const test = await openSource(asset, { split: "test" });
  assert.deepEqual([train.length, test.length], [5600, 1100]);
  assert.equal(train.classes.join(), test.classes.join());
  assert.ok(train.classes.includes("ankle-boot") && train.classes.length === 10);
});

Deno.test("a file that is gone when it is read is named", () =>
  withFolder(async (root) => {
    await writeTree(root, { "a/1.jpg": "one", "x.tar": tarOf({ "2.jpg": "two" }) });
    const [folder, archive] = [await openSource(`${root}/a`), await openSource(`${root}/x.tar`)];
    await Deno.remove(`${root}/a/1.jpg`);
    await Deno.remove(`${root}/x.tar`);
    for (const [source, path] of [[folder, "a/1.jpg"], [archive, "x.tar/2.jpg"]] as const) {
      await assert.rejects(source.read(0), (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.ok(error.message.startsWith(`Cannot read image "${root}/${path}": `), error.message);
        return true;
      });
    }
  }));
