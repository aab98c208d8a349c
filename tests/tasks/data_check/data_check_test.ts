import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import {
  perceptualHash,
  thumbprint,
  thumbprintBytes,
} from "../../../data/images/perceptual_hash.ts";
import type { RgbImage } from "../../../data/images/image.ts";
import { openSource } from "../../../data/sources/open_source.ts";
import { resize } from "../../../data/images/resize.ts";
import type { RunEvent } from "../../../pipeline/engine/events.ts";
import { checkData, excludeList } from "../../../tasks/data_check/data_check.ts";
import { dataCheckPage } from "../../../tasks/data_check/data_check_page.ts";
import { Groups, joinNearDuplicates } from "../../../tasks/data_check/near_duplicates.ts";
import { withFolder } from "../../data/_trees.ts";

/** A picture of soft random spots. */
function picture(seed: number, side = 60): RgbImage {
  const draws = Generator.from(seed);
  const small = { width: 14, height: 14, data: new Uint8Array(588) };
  for (let i = 0; i < 588; i++) small.data[i] = draws.integer(0, 255);
  return resize(small, { width: side, height: side, interpolation: "bilinear" });
}

async function write(path: string, { width, height, data }: RgbImage): Promise<void> {
  await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  const head = new TextEncoder().encode(`P6 ${width} ${height} 255\n`);
  const bytes = new Uint8Array(head.length + data.length);
  bytes.set(head);
  bytes.set(data, head.length);
  await Deno.writeFile(path, bytes);
}

Deno.test("perceptualHash() is that of a smaller, brighter, noisier copy, and of no other image", () => {
  const bits = (a: bigint, b: bigint) => (a ^ b).toString(2).replaceAll("0", "").length;
  const draws = Generator.from(9);
  for (let seed = 0; seed < 20; seed++) {
    const image = picture(seed, 90);
    const hash = perceptualHash(image);
    const small = resize(image, { width: 47, height: 47 });
    const noisy = {
      ...small,
      data: small.data.map((v) => Math.min(255, v * 0.95 + draws.integer(0, 9))),
    };
    assert.ok(bits(hash, perceptualHash(noisy)) <= 6, `${bits(hash, perceptualHash(noisy))} bits`);
    assert.ok(bits(hash, perceptualHash(picture(seed + 100))) > 6);
  }
});

Deno.test("joinNearDuplicates() finds exactly what comparing all pairs finds", () => {
  const count = 600;
  const draws = Generator.from(4);
  const hashes = new Uint32Array(2 * count);
  for (let at = 0; at < 2 * count; at++) hashes[at] = draws.integer(0, 0xffffffff);
  // A third are others with up to nine bits changed, of which six are near enough.
  for (let index = 0; index < count; index += 3) {
    hashes.copyWithin(index * 2, (index + 1) * 2, (index + 2) * 2);
    for (let flips = draws.integer(0, 9); flips > 0; flips--) {
      hashes[index * 2 + draws.integer(0, 1)] ^= 1 << draws.integer(0, 31);
    }
  }
  const prints = {
    count,
    hashes,
    thumbprints: new Uint8Array(count * thumbprintBytes),
    isKnown: new Uint8Array(count).fill(1),
  };
  const ones = (word: number) => (word >>> 0).toString(2).replaceAll("0", "").length;
  const expected = new Groups(count);
  for (let a = 0; a < count; a++) {
    for (let b = a + 1; b < count; b++) {
      const bits = ones(hashes[a * 2] ^ hashes[b * 2]) +
        ones(hashes[a * 2 + 1] ^ hashes[b * 2 + 1]);
      if (bits <= 6) expected.join(a, b);
    }
  }
  const found = new Groups(count);
  joinNearDuplicates(prints, found);
  assert.ok(found.list().length > 100);
  assert.deepEqual(found.list(), expected.list());
  // Other colours: the hashes alone do not join.
  for (let at = 0; at < count * thumbprintBytes; at++) {
    prints.thumbprints[at] = 120 * (Math.floor(at / thumbprintBytes) % 3);
  }
  const none = new Groups(count);
  joinNearDuplicates(prints, none);
  assert.equal(none.list().length, 0);
});

Deno.test("near duplicates of many images are found in far fewer steps than there are pairs", () => {
  const count = 200_000;
  const draws = Generator.from(5);
  const hashes = Uint32Array.from({ length: 2 * count }, () => draws.integer(0, 0xffffffff));
  const thumbprints = new Uint8Array(count * thumbprintBytes);
  const prints = { count, hashes, thumbprints, isKnown: new Uint8Array(count).fill(1) };
  hashes.copyWithin(2 * count - 2, 0, 2);
  hashes[2 * count - 1] ^= 0b101;
  const groups = new Groups(count);
  const started = performance.now();
  joinNearDuplicates(prints, groups);
  assert.deepEqual(groups.list(), [[0, count - 1]]);
  // 2 · 10¹⁰ pairs take minutes, whatever the machine.
  assert.ok(performance.now() - started < 60_000);
});

Deno.test("checkData() finds what is unreadable, the same and alike, across the splits", () =>
  withFolder(async (root) => {
    const data = `${root}/data`;
    for (let seed = 0; seed < 6; seed++) {
      await write(`${data}/train/${seed % 2 === 0 ? "a" : "b"}/${seed}.ppm`, picture(seed));
    }
    await write(`${data}/val/a/9.ppm`, picture(9));
    await write(`${data}/val/b/copy of 1.ppm`, picture(1));
    await write(`${data}/val/a/small 2.ppm`, resize(picture(2), { width: 40, height: 40 }));
    await write(`${data}/train/b/ü\n0.ppm`, picture(0));
    await Deno.writeTextFile(`${data}/train/a/broken.jpg`, "no");
    await Deno.writeTextFile(`${data}/train/a/x.svg`, "");
    const events: RunEvent[] = [];
    const found = await checkData({ source: data, listener: (event) => void events.push(event) });
    assert.deepEqual(found.parts, [{ name: "train", images: 8 }, { name: "val", images: 3 }]);
    assert.equal(found.images, 10);
    assert.deepEqual(found.unreadable.map(({ id }) => id), ["train/a/broken.jpg"]);
    assert.deepEqual(found.classes, [
      { name: "a", images: { train: 4, val: 2 } },
      { name: "b", images: { train: 4, val: 1 } },
    ]);
    assert.deepEqual(found.shortEdge, { least: 40, median: 60, most: 60 });
    assert.match(found.notes.join(), /1 .svg file/);
    const groups = found.duplicates.map(({ isExact, isAcrossParts, hasOtherClasses, images }) => ({
      flags: [isExact, isAcrossParts, hasOtherClasses],
      ids: images.map(({ id }) => id),
    }));
    assert.deepEqual(groups, [
      { flags: [true, true, false], ids: ["train/b/1.ppm", "val/b/copy of 1.ppm"] },
      { flags: [false, true, false], ids: ["train/a/2.ppm", "val/a/small 2.ppm"] },
      { flags: [true, false, true], ids: ["train/a/0.ppm", "train/b/ü\n0.ppm"] },
    ]);
    const progress = events.flatMap((event) => event.type === "progress" ? [event] : []);
    assert.deepEqual(progress.at(-1), {
      type: "progress",
      what: "Comparing images",
      done: progress.at(-1)!.total!,
      total: progress.at(-1)!.total!,
    });

    const list = `${root}/exclude.txt`;
    await Deno.writeTextFile(list, excludeList(found));
    const left = await openSource(data, { split: "train", exclude: list });
    const ids = Array.from({ length: left.length }, (_, index) => left.entry(index).id);
    assert.deepEqual(ids, ["train/a/4.ppm", "train/b/3.ppm", "train/b/5.ppm"]);
    assert.equal((await openSource(data, { split: "val", exclude: list })).length, 3);

    const page = await dataCheckPage(found);
    assert.equal(page.match(/<img src="data:image\/png/g)?.length, 6);
    assert.match(page, /broken.jpg/);
    assert.match(page, /the same file, in training and evaluation/);
  }));

Deno.test("the part that is held out of a folder without splits is checked as the evaluation", () =>
  withFolder(async (root) => {
    for (let seed = 0; seed < 10; seed++) {
      await write(`${root}/d/${seed % 2}/${seed}.ppm`, picture(seed));
    }
    const found = await checkData({ source: `${root}/d` });
    assert.deepEqual(found.parts, [
      { name: "training", images: 8 },
      { name: "held out", images: 2 },
    ]);
    await write(`${root}/flat/a.ppm`, picture(1));
    const flat = await checkData({ source: `${root}/flat` });
    assert.deepEqual(flat.parts, [{ name: "all", images: 1 }]);
    const stopped = await checkData({ source: `${root}/d`, signal: AbortSignal.abort() });
    assert.deepEqual([stopped.interrupted, stopped.images], [true, 0]);
  }));

Deno.test("thumbprint() tells colours apart", () => {
  const flat = (value: number): RgbImage => ({
    width: 5,
    height: 3,
    data: new Uint8Array(45).fill(value),
  });
  assert.deepEqual([...new Set(thumbprint(flat(7)))], [7]);
  assert.equal(thumbprint(flat(200)).length, thumbprintBytes);
});

Deno.test('checkData() takes "sample", as every other command does', async () => {
  const { images, unreadable, classes } = await checkData({ source: "sample" });
  assert.deepEqual([images, unreadable.length, classes.length], [6700, 0, 10]);
});
