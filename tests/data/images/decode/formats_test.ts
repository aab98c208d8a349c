import assert from "node:assert/strict";
import { createImageDecoder } from "../../../../data/images/decode.ts";
import { imageSize } from "../../../../data/images/image_size.ts";
import { readJson } from "../../_fixtures.ts";

const folder = new URL("../../../fixtures/images/", import.meta.url);
const read = (name: string) => Deno.readFileSync(new URL(name, folder));

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new Uint8Array(bytes));
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// pillow.json: Pillow 13's size and bytes of `Image.open(f).convert("RGB")`; the files are
// ImageMagick's, but for `top-down` and `4-rle`.
const expected: Record<string, { width: number; height: number; sha256: string }> = readJson(
  "images/bmp/pillow",
);

Deno.test("BMP files are decoded as Pillow does, bit for bit", async () => {
  const decoder = await createImageDecoder({ native: false });
  assert.equal(Object.keys(expected).length, 11);
  for (const [name, wanted] of Object.entries(expected)) {
    const bytes = read(`bmp/${name}`);
    const { width, height, data } = await decoder.decode(bytes, name);
    assert.deepEqual({ width, height, sha256: await sha256(data) }, wanted, name);
    assert.deepEqual(imageSize(bytes), { width, height }, name);
  }
});

Deno.test("a cut BMP file is an error that says so, whichever byte it ends at", async () => {
  const decoder = await createImageDecoder({ native: false });
  for (const name of Object.keys(expected)) {
    const bytes = read(`bmp/${name}`);
    for (let length = 2; length < bytes.length * 0.8; length += 7) {
      await assert.rejects(
        decoder.decode(bytes.subarray(0, length), name),
        /^UserError: Cannot decode image ".*": /,
        `${name} cut at ${length}`,
      );
    }
  }
});

Deno.test("HEIC photographs are decoded, and a broken one is told from a missing decoder", async () => {
  const decoder = await createImageDecoder({ native: false });
  const bytes = read("photo.heic");
  const { width, height, data } = await decoder.decode(bytes, "photo.heic");
  assert.deepEqual([width, height], [96, 64]);
  const original = await decoder.decode(read("photo_of_heic.png"), "photo_of_heic.png");
  const difference = data.reduce((sum, value, i) => sum + Math.abs(value - original.data[i]), 0);
  assert.ok(difference / data.length < 10, `${difference / data.length} levels`);
  await assert.rejects(
    decoder.decode(bytes.subarray(0, 900), "cut.heic"),
    /"cut.heic": the HEIC data is truncated or corrupt/,
  );
});

Deno.test("imageSize() reads the heads of all formats, and of none that is cut too short", () => {
  const sizes: Record<string, [number, number]> = {
    "cat_exif6.jpg": [32, 48],
    "cat_q85_422_prog.jpg": [48, 32],
    "cat_palette.png": [48, 32],
    "photo_500x375.jpg": [500, 375],
    "photo.heic": [96, 64],
  };
  for (const name of Object.keys(sizes)) {
    const bytes = read(name);
    const size = imageSize(bytes);
    assert.ok(size !== undefined, name);
    for (let length = 0; length < 20; length++) {
      assert.equal(imageSize(bytes.subarray(0, length)), undefined, `${name} ${length}`);
    }
  }
  assert.deepEqual(imageSize(read("photo_500x375.jpg")), { width: 500, height: 375 });
  assert.deepEqual(imageSize(read("photo.heic")), { width: 96, height: 64 });
});
