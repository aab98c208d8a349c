import assert from "node:assert/strict";
import { deflateSync } from "node:zlib";
import { createImageDecoder } from "../../../data/images/decode.ts";
import { decodeLabels, type LabelOptions } from "../../../data/sources/decode_labels.ts";
import { pngSamples } from "../../../data/images/png_samples.ts";
import { sharp } from "../../../deps/sharp.ts";
import { fixturePath } from "../_fixtures.ts";
import { pngOf } from "../_png.ts";

const decoder = await createImageDecoder({ native: false });

async function labelsOf(bytes: Uint8Array, options: Partial<LabelOptions> = {}): Promise<number[]> {
  const map = await decodeLabels(bytes, "mask", { decoder, isReduced: false, ...options });
  return [...map.data];
}

Deno.test("decodeLabels() reads classes of 1, 2, 4, 8 and 16 bits, and places in a palette", async () => {
  const size = { width: 3, height: 2 };
  const classes = [1, 0, 1, 0, 1, 1];
  assert.deepEqual(await labelsOf(pngOf({ ...size, depth: 1 }, [[0xa0], [0x60]])), classes);
  assert.deepEqual(
    await labelsOf(pngOf({ ...size, depth: 2 }, [[0x6c], [0xe4]])),
    [1, 2, 3, 3, 2, 1],
  );
  const fours = [[0x12, 0x30], [0xf0, 0x70]];
  assert.deepEqual(await labelsOf(pngOf({ ...size, depth: 4 }, fours)), [1, 2, 3, 15, 0, 7]);
  assert.deepEqual(
    await labelsOf(pngOf({ ...size, depth: 4, type: 3 }, fours)),
    [1, 2, 3, 15, 0, 7],
  );
  const eights = [[0, 149, 255], [1, 2, 3]];
  assert.deepEqual(await labelsOf(pngOf(size, eights)), eights.flat());
  assert.deepEqual(await labelsOf(pngOf({ ...size, type: 3 }, eights)), eights.flat());
  assert.deepEqual(await labelsOf(pngOf(size, eights), { isReduced: true }), [
    255,
    148,
    255,
    0,
    1,
    2,
  ]);
  const sixteens = [[0, 7, 0, 254, 0xff, 0xff], [0, 0, 0, 255, 0, 1]];
  assert.deepEqual(await labelsOf(pngOf({ ...size, depth: 16 }, sixteens)), [
    7,
    254,
    255,
    0,
    255,
    1,
  ]);
  const grey = new TextEncoder().encode("P5 3 2 15\n\x01\x02\x03\x0f\x00\x07");
  assert.deepEqual(await labelsOf(grey), [1, 2, 3, 15, 0, 7]);
  const deep = Uint8Array.of(...new TextEncoder().encode("P5 2 1 65535\n"), 0, 9, 0, 254);
  assert.deepEqual(await labelsOf(deep), [9, 254]);
});

Deno.test("decodeLabels() refuses classes beyond 254 and colours, naming the place", async () => {
  const size = { width: 2, height: 2, depth: 16 };
  await assert.rejects(
    labelsOf(pngOf(size, [[0, 1, 0, 2], [0, 3, 1, 44]])),
    /Cannot read labels from "mask": expected classes up to 254, found 300 at column 1, row 1/,
  );
  const colours = pngOf({ width: 1, height: 1, type: 2 }, [[1, 2, 1]]);
  await assert.rejects(labelsOf(colours), /found colours; write the masks as 8-bit greyscale PNG/);
  const same = pngOf({ width: 1, height: 1, type: 6 }, [[4, 4, 4, 0]]);
  assert.deepEqual(await labelsOf(same), [4]);
});

Deno.test("decodeLabels() refuses what is cut off, broken, or larger than it says", async () => {
  const size = { width: 4, height: 4 };
  const rows = Array.from({ length: 4 }, () => [1, 2, 3, 4]);
  const whole = pngOf(size, rows);
  for (const end of [9, 30, 45, whole.length - 13]) {
    await assert.rejects(
      labelsOf(whole.slice(0, end)),
      /Cannot decode image "mask": the PNG is corrupt/,
    );
  }
  await assert.rejects(labelsOf(pngOf(size, rows.slice(1))), /it is truncated/);
  // A million times what a 4 × 4 picture holds.
  const before = Deno.memoryUsage().rss;
  const bomb = pngOf(size, [], deflateSync(new Uint8Array(400_000_000)));
  await assert.rejects(labelsOf(bomb), /it holds more than its pixels/);
  assert.ok(Deno.memoryUsage().rss - before < 100 * 2 ** 20);
  await assert.rejects(
    labelsOf(whole, { maxPixels: 15 }),
    /at most data.maxPixels=15 pixels, found 16/,
  );
});

Deno.test("pngSamples() equals libvips on filtered and interlaced pictures", async () => {
  for (const name of ["cat.png", "cat_gray.png", "cat_rgba.png"]) {
    const file = Deno.readFileSync(fixturePath(`images/${name}`));
    for (const progressive of [false, true]) {
      for (const width of [1, 3, 50]) {
        const image = sharp(file).extract({ left: 5, top: 9, width, height: 37 });
        const { data, info } = await image.clone().raw().toBuffer({ resolveWithObject: true });
        const png = await image.png({ progressive, adaptiveFiltering: true }).toBuffer();
        const { samples, channels } = await pngSamples(new Uint8Array(png));
        assert.equal(channels, info.channels);
        assert.deepEqual([...samples], [...data], `${name} ${progressive} ${width}`);
      }
    }
  }
});
