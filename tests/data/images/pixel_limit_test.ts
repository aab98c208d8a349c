import assert from "node:assert/strict";
import { createImageDecoder } from "../../../data/images/decode.ts";
import { sharp } from "../../../deps/sharp.ts";
import { fixturePath } from "../_fixtures.ts";
import { pngOf } from "../_png.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];

/** A WebP of 34 bytes whose head claims 16383 × 16000 pixels. */
const webp = Uint8Array.of(
  ...ascii("RIFF"),
  ...[26, 0, 0, 0],
  ...ascii("WEBPVP8L"),
  ...[14, 0, 0, 0, 0x2f],
  ...[0xfe, 0xff, 0x9f, 0x0f],
  ...new Uint8Array(9),
);

/** A JPEG with another size in its frame header, and `between` in front of that. */
function jpegOf(height: number, width: number, between: readonly number[] = []): Uint8Array {
  const file = Deno.readFileSync(fixturePath("images/cat_q90_420.jpg"));
  const frame = file.findIndex((byte, i) => byte === 0xff && file[i + 1] === 0xc0);
  const bytes = Uint8Array.of(...file.subarray(0, frame), ...between, ...file.subarray(frame));
  const view = new DataView(bytes.buffer);
  view.setUint16(frame + between.length + 5, height);
  view.setUint16(frame + between.length + 7, width);
  return bytes;
}

function gif(): Uint8Array {
  return Uint8Array.of(
    ...ascii("GIF89a"),
    ...[0xff, 0xff, 0xff, 0xff, 0, 0, 0],
    ...[0x2c, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 2, 2, 0x4c, 1, 0, 0x3b],
  );
}

async function tiff(): Promise<Uint8Array> {
  const bytes = new Uint8Array(
    await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } }).tiff()
      .toBuffer(),
  );
  const view = new DataView(bytes.buffer);
  const at = view.getUint32(4, true);
  for (let entry = 0; entry < view.getUint16(at, true); entry++) {
    const place = at + 2 + entry * 12;
    const tag = view.getUint16(place, true);
    if (tag !== 256 && tag !== 257) continue;
    view.setUint16(place + 2, 4, true);
    view.setUint32(place + 8, 60_000, true);
  }
  return bytes;
}

const files: [name: string, bytes: Uint8Array, isNative?: boolean][] = [
  ["webp", webp],
  ["jpeg", jpegOf(60_000, 60_000)],
  ["jpeg behind what is no marker", jpegOf(60_000, 60_000, [0, 1, 2, 3])],
  ["jpeg behind fill bytes", jpegOf(60_000, 60_000, [0xff, 0xff])],
  ["png", pngOf({ width: 60_000, height: 60_000 }, [])],
  ["ppm", new TextEncoder().encode("P6 60000 60000 255\nAAA")],
  ["gif", gif(), true],
  ["tiff", await tiff(), true],
];

for (const native of [true, false]) {
  Deno.test(`the ${native ? "native" : "portable"} decoder refuses a head that claims too many pixels`, async () => {
    const decoder = await createImageDecoder({ native });
    for (const [name, bytes, isNative] of files) {
      if (isNative && !native) continue;
      const [start, before] = [performance.now(), Deno.memoryUsage().rss];
      await assert.rejects(decoder.decode(bytes, `x.${name}`), (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.match(
          error.message,
          /^Cannot decode image "x\.[^"]*": expected at most data\.maxPixels=/,
        );
        return true;
      });
      assert.ok(performance.now() - start < 1000, name);
      assert.ok(Deno.memoryUsage().rss - before < 50 * 2 ** 20, name);
    }
  });

  Deno.test(`the ${native ? "native" : "portable"} decoder's limit is the one that is given`, async () => {
    const decoder = await createImageDecoder({ native });
    const file = Deno.readFileSync(fixturePath("images/cat.png"));
    const { width, height } = await decoder.decode(file, "cat");
    const pixels = width * height;
    await decoder.decode(file, "cat", { maxPixels: pixels });
    await assert.rejects(
      decoder.decode(file, "cat", { maxPixels: pixels - 1 }),
      /found \d+ \(\d+ × \d+\)/,
    );
  });
}
