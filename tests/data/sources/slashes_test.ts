/** Data as Windows users name it and write lists of it. */

import assert from "node:assert/strict";
import { openSource } from "../../../data/sources/open_source.ts";
import type { Source } from "../../../data/sources/source.ts";
import { zipSync } from "../../../deps/fflate.ts";
import { onWindows } from "../_on_windows.ts";
import { tarOf, textBytes, withFolder, writeTree } from "../_trees.ts";

const mark = "\ufeff";

const entries = (source: Source) =>
  Array.from({ length: source.length }, (_, index) => {
    const { id, label } = source.entry(index);
    return `${id} ${label}`;
  });

Deno.test("a pattern of shards may have backslashes on Windows", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "s/wds-0000.tar": tarOf({ "a.jpg": "one", "a.cls": "1" }),
      "s/wds-0001.tar": tarOf({ "b.jpg": "two", "b.cls": "0" }),
    });
    const pattern = `${root}\\s\\wds-*.tar`;
    const source = await onWindows(() => openSource(pattern, { split: "train" }));
    assert.deepEqual(entries(source), ["wds-0000.tar/a.jpg 1", "wds-0001.tar/b.jpg 0"]);
    source.close?.();
    // Elsewhere a backslash may be part of a name.
    await assert.rejects(openSource(pattern), /Cannot find data .*: no file matches/);
  }));

Deno.test("a zip archive may have backslashes everywhere: Windows PowerShell writes them", () =>
  withFolder(async (root) => {
    const zip = zipSync({
      "train\\cat\\": new Uint8Array(),
      "train\\cat\\1.jpg": textBytes("one"),
      "train\\dog\\2.jpg": textBytes("two"),
    });
    await writeTree(root, { "data/images.zip": zip });
    const source = await openSource(`${root}/data/images.zip`, { split: "train" });
    assert.deepEqual(entries(source), ["train/cat/1.jpg 0", "train/dog/2.jpg 1"]);
    assert.deepEqual(source.classes, ["cat", "dog"]);
    assert.equal(new TextDecoder().decode(await source.read(1)), "two");
    source.close?.();
  }));

Deno.test("a list file may be written by an editor on Windows", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "train/cat/1.jpg": "",
      "train/dog/2.jpg": "",
      "meta/train.txt": `${mark}cat\\1.jpg 1\r\n.\\dog\\2.jpg 0\r\n`,
      "meta/slashes.txt": `${mark}cat/1.jpg 1\r\ndog/2.jpg 0\r\n`,
    });
    const open = (list: string) => openSource(root, { split: "train", list: `meta/${list}.txt` });
    const expected = ["cat/1.jpg 1", "dog/2.jpg 0"];
    const written = await onWindows(() => open("train"));
    assert.deepEqual(entries(written), expected);
    assert.deepEqual(written.classes, ["dog", "cat"]);
    // Its line ends and its mark are no matter anywhere.
    assert.deepEqual(entries(await open("slashes")), expected);
  }));

Deno.test("so may a list of images to exclude", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "a/1.jpg": "",
      "a/2.jpg": "",
      "b/3.jpg": "",
      "list.txt": `${mark}a/1.jpg\r\n`,
      "backslashes.txt": `${mark}a\\1.jpg\r\n"b\\\\3.jpg"\r\n`,
    });
    const open = (list: string) => openSource(root, { exclude: `${root}/${list}` });
    assert.deepEqual(entries(await open("list.txt")), ["a/2.jpg 0", "b/3.jpg 1"]);
    const source = await onWindows(() => open("backslashes.txt"));
    assert.deepEqual(entries(source), ["a/2.jpg 0"]);
  }));

Deno.test("the hint for a single picture names its folder, as written", () =>
  withFolder(async (root) => {
    await writeTree(root, { "x\\photos\\a.jpg": "" });
    const path = `${root}/x\\photos\\a.jpg`;
    await assert.rejects(
      onWindows(() => openSource(path)),
      (error: Error & { hint?: string }) => `${error.message} ${error.hint}`.includes("x\\photos'"),
    );
  }));
