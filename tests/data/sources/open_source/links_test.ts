import assert from "node:assert/strict";
import { Loader } from "../../../../data/loader/loader.ts";
import { openSource } from "../../../../data/sources/open_source.ts";
import type { Source } from "../../../../data/sources/source.ts";
import { withFolder, writeTree } from "../../_trees.ts";

const ids = (source: Source) => Array.from({ length: source.length }, (_, i) => source.entry(i).id);
const read = async (source: Source, index: number) =>
  new TextDecoder().decode(await source.read(index));

async function tar(root: string, ...args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("tar", { args, cwd: root }).output();
  assert.ok(success, new TextDecoder().decode(stderr));
}

for (const format of ["gnu", "pax"]) {
  Deno.test(`links in a ${format} tar have the data of what they lead to, long names too`, () =>
    withFolder(async (root) => {
      const long = `${"long".repeat(30)}/1.jpg`;
      await writeTree(root, { [`s/a/${long}`]: "one", "s/a/2.jpg": "two" });
      Deno.mkdirSync(`${root}/s/b`);
      Deno.linkSync(`${root}/s/a/${long}`, `${root}/s/b/${"hard".repeat(30)}.jpg`);
      Deno.symlinkSync(`../a/${long}`, `${root}/s/b/soft.jpg`);
      Deno.symlinkSync("soft.jpg", `${root}/s/b/twice.jpg`);
      Deno.symlinkSync("/nowhere/x.jpg", `${root}/s/b/loose.jpg`);
      Deno.symlinkSync("circle2.jpg", `${root}/s/b/circle1.jpg`);
      Deno.symlinkSync("circle1.jpg", `${root}/s/b/circle2.jpg`);
      await tar(root, `--format=${format}`, "--sort=name", "-cf", "x.tar", "s");
      const source = await openSource(`${root}/x.tar`);
      const found = ids(source);
      assert.deepEqual(found, [
        "s/a/2.jpg",
        `s/a/${long}`,
        "s/b/circle1.jpg",
        "s/b/circle2.jpg",
        `s/b/${"hard".repeat(30)}.jpg`,
        "s/b/loose.jpg",
        "s/b/soft.jpg",
        "s/b/twice.jpg",
      ]);
      assert.equal(await read(source, 1), "one");
      for (const index of [4, 6, 7]) assert.equal(await read(source, index), "one", found[index]);
      for (const index of [2, 3, 5]) {
        await assert.rejects(
          source.read(index),
          /it is a link to ".*", which is not a file in the archive/,
        );
      }
      source.close?.();
    }));
}

Deno.test("a link of a folder that leads nowhere is an image that cannot be read", () =>
  withFolder(async (root) => {
    const picture = `P5 8 8 255\n${"A".repeat(64)}`;
    await writeTree(root, { "a/1.pgm": picture, "a/2.pgm": picture });
    Deno.symlinkSync("/nowhere/3.pgm", `${root}/a/3.pgm`);
    Deno.symlinkSync("4.pgm", `${root}/a/4.pgm`);
    Deno.symlinkSync("/nowhere", `${root}/gone`);
    const source = await openSource(root);
    assert.deepEqual(ids(source), ["a/1.pgm", "a/2.pgm", "a/3.pgm", "a/4.pgm"]);
    const options = {
      source,
      transform: { kind: "test", size: 8 },
      batch: 4,
      seed: 1,
      workers: 0,
      isShuffled: false,
    } as const;
    const all = async (more: object) => {
      const loader = await Loader.open({ ...options, ...more });
      try {
        return (await Array.fromAsync(loader.batches({ to: 1 })))[0].ids;
      } finally {
        loader.close();
      }
    };
    await assert.rejects(
      all({}),
      /Cannot read image "[^"]*\/a\/3.pgm": .*; .* --set data.onError=skip/,
    );
    const skipped: string[] = [];
    const onSkip = ({ id }: { id: string }) => skipped.push(id);
    assert.ok((await all({ onError: "skip", onSkip })).every((id) => /[12]\.pgm$/.test(id)));
    assert.deepEqual(skipped, ["a/3.pgm", "a/4.pgm"]);
  }));

Deno.test("a link to a folder that it lies in is passed over; one to another folder is followed", () =>
  withFolder(async (root) => {
    await writeTree(root, { "s/a/1.jpg": "one", "other/2.jpg": "two" });
    Deno.symlinkSync("..", `${root}/s/a/up`);
    Deno.symlinkSync(".", `${root}/s/a/here`);
    Deno.symlinkSync(`${root}/s`, `${root}/other/back`);
    Deno.symlinkSync(`${root}/other`, `${root}/s/b`);
    assert.deepEqual(ids(await openSource(`${root}/s`)), ["a/1.jpg", "b/2.jpg"]);
  }));

Deno.test("links that lead into one folder in thousands of ways are refused", () =>
  withFolder(async (root) => {
    // Each folder leads to the next one twice: 2³⁰ ways to the last.
    for (let i = 0; i < 30; i++) {
      Deno.mkdirSync(`${root}/d${i}`);
      for (const side of ["l", "r"]) Deno.symlinkSync(`${root}/d${i + 1}`, `${root}/d${i}/${side}`);
    }
    await writeTree(root, { "d30/1.jpg": "one" });
    await assert.rejects(
      openSource(`${root}/d0`),
      /Cannot list .*: links lead into .* in too many ways/,
    );
  }));
