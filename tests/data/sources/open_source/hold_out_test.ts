import assert from "node:assert/strict";
import { openSource } from "../../../../data/sources/open_source.ts";
import type { Source } from "../../../../data/sources/source.ts";
import { tarOf, withFolder, writeTree } from "../../_trees.ts";

const ids = (source: Source) =>
  Array.from({ length: source.length }, (_, index) => source.entry(index).id);

/** Two classes of twenty images, one of one. */
function classTree(): Record<string, string> {
  const tree: Record<string, string> = { "rare/only.jpg": "r" };
  for (let number = 0; number < 20; number++) {
    for (const name of ["cat", "dog"]) tree[`${name}/${number}.jpg`] = `${name} ${number}`;
  }
  return tree;
}

Deno.test("a labelled folder without splits has a tenth of each class held out, always the same", () =>
  withFolder(async (root) => {
    await writeTree(root, classTree());
    const part = async (split: string) => await openSource(root, { split, holdOut: 0.1 });
    const [train, val, test] = [await part("train"), await part("val"), await part("test")];
    assert.equal(train.length, 37);
    assert.equal(val.length, 4);
    assert.deepEqual(ids(val), ids(test));
    assert.deepEqual([...ids(train), ...ids(val)].sort(), Object.keys(classTree()).sort());
    const counts = ["cat", "dog", "rare"].map((name) =>
      ids(val).filter((id) => id.startsWith(name)).length
    );
    assert.deepEqual(counts, [2, 2, 0]);
    assert.deepEqual(val.classes, train.classes);
    assert.match(
      train.notes!.join("\n"),
      /4 of 41 are held out for evaluation, the same ones in every/,
    );
    assert.deepEqual(await part("train").then(ids), ids(train));
  }));

Deno.test("nothing is held out where there are splits, no labels, or the whole is asked for", () =>
  withFolder(async (root) => {
    await writeTree(root, { "a.jpg": "", "b.jpg": "" });
    assert.equal((await openSource(root, { split: "train", holdOut: 0.5 })).length, 2);
    await assert.rejects(openSource(root, { split: "val", holdOut: 0.5 }), /Cannot find the val/);
    const divided = `${root}/divided`;
    await writeTree(divided, { "train/x/1.jpg": "", "train/x/2.jpg": "", "val/x/3.jpg": "" });
    assert.deepEqual(ids(await openSource(divided, { split: "train", holdOut: 0.5 })), [
      "train/x/1.jpg",
      "train/x/2.jpg",
    ]);
    assert.deepEqual(ids(await openSource(divided, { split: "val", holdOut: 0.5 })), [
      "val/x/3.jpg",
    ]);
    const whole = `${root}/whole`;
    await writeTree(whole, classTree());
    assert.equal((await openSource(whole, { holdOut: 0.1 })).length, 41);
  }));

Deno.test("an archive is divided like the folder that it holds", () =>
  withFolder(async (root) => {
    await writeTree(`${root}/folder`, classTree());
    await Deno.writeFile(`${root}/a.tar`, tarOf(classTree()));
    const part = async (name: string) =>
      ids(await openSource(`${root}/${name}`, { split: "val", holdOut: 0.1 }));
    assert.deepEqual(await part("a.tar"), await part("folder"));
  }));

Deno.test("files that are left out are counted and named by their kind", () =>
  withFolder(async (root) => {
    await writeTree(root, {
      "a/1.jpg": "",
      "b/2.jpg": "",
      "a/x.svg": "",
      "a/y.svg": "",
      "b/raw.NEF": "",
      "notes.txt": "",
      "b/Thumbs.db": "",
      "b/film": "",
    });
    const { notes, length } = await openSource(root);
    assert.equal(length, 2);
    assert.deepEqual(notes, [
      'Skipped: 1 .nef file, which cannot be read ("b/raw.NEF"); develop it with dcraw -w -T IN.nef',
      'Skipped: 2 .svg files, which cannot be read ("a/x.svg", …); convert it with rsvg-convert ' +
      "IN.svg -o OUT.png",
      "Skipped: 2 files that are not images (without an extension, .txt)",
    ]);
    await assert.rejects(
      openSource(`${root}/b`, { split: "val" }),
      /Cannot find the val split/,
    );
    await Deno.remove(`${root}/b/2.jpg`);
    await assert.rejects(openSource(`${root}/b`), /found none. Skipped: 1 .nef file/);
  }));

Deno.test("nested folders are named, with the folder to give instead", () =>
  withFolder(async (root) => {
    await writeTree(root, { "data/cat/1.jpg": "", "data/dog/2.jpg": "" });
    assert.match(
      (await openSource(root)).notes!.join(),
      /contains "cat", "dog": give --data .*\/data/,
    );
    await writeTree(root, { "more/owl/3.jpg": "" });
    assert.match((await openSource(root)).notes!.join(), /such as "cat", "dog" in "data", are not/);
  }));

Deno.test("an exclude list leaves out what it names, odd names included", () =>
  withFolder(async (root) => {
    await writeTree(root, { "a/1.jpg": "", "a/ü 2.jpg": "", "b/3\n.jpg": "", "b/4.jpg": "" });
    await Deno.writeTextFile(
      `${root}/list.txt`,
      '# duplicates\na/ü 2.jpg\n"b/3\\n.jpg"\n\nnot/there.jpg\n',
    );
    const source = await openSource(root, { exclude: `${root}/list.txt` });
    assert.deepEqual(ids(source), ["a/1.jpg", "b/4.jpg"]);
    assert.match(source.notes!.join(), /Skipped: 2 images named in .*list.txt/);
    await assert.rejects(openSource(root, { exclude: `${root}/none` }), /check data.exclude/);
    await Deno.writeTextFile(`${root}/bad.txt`, '"open\n');
    await assert.rejects(
      openSource(root, { exclude: `${root}/bad.txt` }),
      /line 1: expected a path/,
    );
  }));
