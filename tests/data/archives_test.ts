import assert from "node:assert/strict";
import { gzipSync } from "node:zlib";
import { openSource } from "../../data/sources/open_source.ts";
import { expandBraces } from "../../data/archives/shards.ts";
import { jsonLabel } from "../../data/sources/json_label.ts";
import { LocationReader } from "../../data/archives/byte_store.ts";
import type { Source } from "../../data/sources/source.ts";
import { zipSync } from "../../deps/fflate.ts";
import { tarOf, textBytes, withFolder, writeTree } from "./_trees.ts";

const entries = (source: Source) =>
  Array.from({ length: source.length }, (_, i) => {
    const { id, label } = source.entry(i);
    return `${id} ${label}`;
  });

const read = async (source: Source, index: number) =>
  new TextDecoder().decode(await source.read(index));

Deno.test("webdataset's .json members say the class where there is no .cls", () =>
  withFolder(async (root) => {
    const shard = tarOf({
      "0001.jpg": "a",
      "0001.json": '{"width": 3, "label": 2, "caption": "x"}',
      "0002.jpg": "b",
      "0002.json": '{"label": 7}',
      "0002.cls": "0",
      "0003.jpg": "c",
      "0003.json": "1",
      "annotations.json": "no json at all",
    });
    await writeTree(root, { "a/x.tar": shard });
    const source = await openSource(`${root}/a/x.tar`);
    assert.deepEqual(entries(source), ["0001.jpg 2", "0002.jpg 0", "0003.jpg 1"]);
    assert.deepEqual(source.classes, ["0", "1", "2"]);
    const captions = { "1.jpg": "a", "1.json": '{"caption": "x"}' };
    await writeTree(root, {
      "b.tar": tarOf(captions),
      "c.tar": tarOf({ "1.jpg": "a", "1.json": "{" }),
    });
    assert.deepEqual((await openSource(`${root}/b.tar`)).classes, []);
    await assert.rejects(
      openSource(`${root}/c.tar`),
      /Cannot read "1.json" of archive "[^"]*\/c.tar": it is not JSON/,
    );
    const partly = { "1.jpg": "a", "1.json": '{"label": 1}', "2.jpg": "b" };
    await writeTree(root, { "d.tar": tarOf(partly) });
    await assert.rejects(
      openSource(`${root}/d.tar`),
      /Cannot label "2.jpg".*nor a .json with a label/,
    );
  }));

Deno.test("jsonLabel() prefers numbers, knows the usual keys, and nothing else", () => {
  assert.equal(jsonLabel('{"class_name": "cat", "label": 3}'), "3");
  assert.equal(jsonLabel('{"class": "cat"}'), "cat");
  assert.equal(jsonLabel('"cat"'), "cat");
  for (const text of ['{"label": -1}', '{"label": [1, 2]}', '{"caption": "cat"}', "null", "[3]"]) {
    assert.equal(jsonLabel(text), undefined);
  }
});

Deno.test("a folder of .tar.gz is a data set of shards, and plain ones may lie among them", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "s/wds-0000.tar.gz": gzipSync(tarOf({ "a.jpg": "one", "a.cls": "1" })),
      "s/wds-0001.tar": tarOf({ "b.jpg": "two", "b.cls": "0" }),
      "s/wds-0002.tgz": gzipSync(tarOf({ "c.jpg": "three", "c.cls": "1" })),
    });
    const source = await openSource(`${root}/s`, { split: "train" });
    const ids = ["wds-0000.tar.gz/a.jpg 1", "wds-0001.tar/b.jpg 0", "wds-0002.tgz/c.jpg 1"];
    assert.deepEqual(entries(source), ids);
    const texts = await Promise.all([0, 1, 2].map((index) => read(source, index)));
    assert.deepEqual(texts, ["one", "two", "three"]);
    // Workers read by location.
    const reader = new LocationReader(source.memory);
    assert.equal(new TextDecoder().decode(await reader.read(source.locate!(2))), "three");
    reader.close();
    source.close?.();
  }));

Deno.test("patterns of shards: braces as the shell's, * and ?, in webdataset's order", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "s/wds-0000.tar": tarOf({ "a.jpg": "one", "a.cls": "1" }),
      "s/wds-0001.tar": tarOf({ "b.jpg": "two", "b.cls": "0" }),
      "s/wds-0002.tar.gz": gzipSync(tarOf({ "c.jpg": "three", "c.cls": "1" })),
      "s/other.tar": tarOf({ "d.jpg": "four", "d.cls": "0" }),
    });
    const idsOf = async (pattern: string) =>
      entries(await openSource(`${root}/${pattern}`, { split: "train" }));
    const first = ["wds-0000.tar/a.jpg 1", "wds-0001.tar/b.jpg 0"];
    assert.deepEqual(await idsOf("s/wds-{0000..0001}.tar"), first);
    assert.deepEqual(await idsOf("s/wds-*.tar"), first);
    assert.deepEqual(await idsOf("s/wds-000?.tar"), first);
    assert.deepEqual(await idsOf("*/wds-*.tar*"), [...first, "wds-0002.tar.gz/c.jpg 1"]);
    assert.deepEqual(await idsOf("s/{wds-0001,other}.tar"), [
      "wds-0001.tar/b.jpg 0",
      "other.tar/d.jpg 0",
    ]);
    await assert.rejects(
      idsOf("s/wds-{0001..0003}.tar"),
      /Cannot read data "[^"]*wds-0002.tar": no such file/,
    );
    await assert.rejects(
      idsOf("s/none-*.tar"),
      /Cannot find data "[^"]*none-\*.tar": no file matches/,
    );
    await assert.rejects(openSource("wds-{0..99999999}.tar"), /it stands for 100000000 shards/);
  }));

Deno.test("patterns of addresses are fetched one after the other", () =>
  withFolder(async () => {
    const shards = new Map([
      ["/wds-0.tar", tarOf({ "a.jpg": "one", "a.cls": "1" })],
      ["/wds-1.tar.gz", new Uint8Array(gzipSync(tarOf({ "b.jpg": "two", "b.cls": "0" })))],
    ]);
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, (request) => {
      const found = shards.get(new URL(request.url).pathname);
      return found === undefined
        ? new Response(null, { status: 404 })
        : new Response(found as BodyInit);
    });
    const base = `http://127.0.0.1:${server.addr.port}`;
    const source = await openSource(`${base}/wds-{0.tar,1.tar.gz}`, { split: "train" });
    assert.deepEqual(entries(source), ["wds-0.tar/a.jpg 1", "wds-1.tar.gz/b.jpg 0"]);
    assert.equal(await read(source, 1), "two");
    await assert.rejects(openSource(`${base}/wds-{0..2}.tar`), /the server answered 404/);
    await server.shutdown();
  }));

Deno.test("expandBraces() expands as bash does", () => {
  assert.deepEqual(expandBraces("a-{08..10}.tar"), ["a-08.tar", "a-09.tar", "a-10.tar"]);
  assert.deepEqual(expandBraces("{2..0}"), ["2", "1", "0"]);
  assert.deepEqual(expandBraces("{a,b}{1..2}"), ["a1", "a2", "b1", "b2"]);
  assert.deepEqual(expandBraces("x{y}{1,2}"), ["x{y}1", "x{y}2"]);
  assert.deepEqual(expandBraces("a{1,b{2..3}}"), ["a1", "ab2", "ab3"]);
});

Deno.test("shards are told apart by the split in their names", () =>
  withFolder(async (root) => {
    const shard = (name: string) => tarOf({ [`${name}.jpg`]: name, [`${name}.cls`]: "0" });
    await writeTree(root, {
      "s/imagenet-train-0.tar": shard("t0"),
      "s/imagenet-train-1.tar": shard("t1"),
      "s/imagenet-validation-0.tar": shard("v0"),
      "u/part-0.tar": shard("p0"),
    });
    const idsOf = async (folder: string, split?: string) =>
      entries(await openSource(`${root}/${folder}`, split === undefined ? {} : { split }))
        .map((entry) => entry.split("/")[1]);
    assert.deepEqual(await idsOf("s", "train"), ["t0.jpg 0", "t1.jpg 0"]);
    assert.deepEqual(await idsOf("s", "val"), ["v0.jpg 0"]);
    assert.deepEqual(await idsOf("u", "train"), ["p0.jpg 0"]);
    // All shards are for training: none of them is evaluated on by mistake.
    await assert.rejects(openSource(`${root}/u`, { split: "val" }), /Cannot find the val split/);
  }));

Deno.test("data.listFile chooses and labels the members of an archive", () =>
  withFolder(async (root) => {
    const files = {
      "set/train/a/1.jpg": "one",
      "set/train/b/2.jpg": "two",
      "set/train/b/3.jpg": "three",
      "set/meta/ten.txt": "b/3.jpg 4\na/1.jpg 0\n",
    };
    const bytes = Object.fromEntries(Object.entries(files).map(([n, t]) => [n, textBytes(t)]));
    await writeTree(root, {
      "x.tar": tarOf(files),
      "x.zip": zipSync(bytes),
      "lists/own.txt": "b/2.jpg 1\n",
      "lists/wrong.txt": "b/9.jpg 1\n",
    });
    for (const archive of ["x.tar", "x.zip"]) {
      const open = (list: string, labels?: "none") =>
        openSource(`${root}/${archive}`, { split: "train", list, ...labels && { labels } });
      const own = await open(`${root}/lists/own.txt`);
      assert.deepEqual(entries(own), ["set/train/b/2.jpg 1"]);
      assert.equal(await read(own, 0), "two");
      assert.deepEqual(entries(await open("meta/ten.txt")), [
        "set/train/b/3.jpg 4",
        "set/train/a/1.jpg 0",
      ]);
      assert.deepEqual(entries(await open("meta/ten.txt", "none")), [
        "set/train/b/3.jpg -1",
        "set/train/a/1.jpg -1",
      ]);
      await assert.rejects(
        open(`${root}/lists/wrong.txt`),
        /entry 1: the archive has no "train\/b\/9.jpg"/,
      );
      await assert.rejects(
        open("meta/none.txt"),
        /there is no such file, nor one in .*; check data.listFile/,
      );
    }
    await writeTree(root, { "f/train/a/1.jpg": "one", "f/meta/few.txt": "a/1.jpg 3\n" });
    const inside = await openSource(`${root}/f`, { split: "train", list: "meta/few.txt" });
    assert.deepEqual(entries(inside), ["a/1.jpg 3"]);
  }));

Deno.test("a single image in the place of a data set is told so, with the folder to give", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "my photos/x.heic": "\0\0\0\x18ftypheic and more",
      "p/y.jpg": "\xff\xd8 no jpeg",
      "p/z.txt": "text",
    });
    await assert.rejects(openSource(`${root}/my photos/x.heic`), (error: Error) => {
      assert.equal(
        error.message,
        `Cannot read data "${root}/my photos/x.heic": expected a folder, a tar or a zip archive, ` +
          `found a single image; give the folder that contains it: --data '${root}/my photos'`,
      );
      return true;
    });
    await assert.rejects(openSource(`${root}/p/y.jpg`), new RegExp(`--data ${root}/p$`));
    await assert.rejects(openSource(`${root}/p/z.txt`), /other archives must be unpacked/);
  }));
