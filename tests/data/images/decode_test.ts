import assert from "node:assert/strict";
import { createImageDecoder, type ImageDecoder } from "../../../data/images/decode.ts";
import type { RgbImage } from "../../../data/images/image.ts";
import { fixturePath, largestDifference, TensorFile } from "../_fixtures.ts";

const tensors = new TensorFile("image_transforms");
const read = (name: string) => Deno.readFileSync(fixturePath(`images/${name}`));
const native = await createImageDecoder({ native: true });
const portable = await createImageDecoder({ native: false });
const decoders: ImageDecoder[] = [native, portable];

function same(image: RgbImage, wanted: RgbImage, tolerance: number, message: string) {
  assert.deepEqual([image.width, image.height], [wanted.width, wanted.height], message);
  const difference = largestDifference(image.data, wanted.data);
  assert.ok(difference <= tolerance, `${message}: ${difference}`);
}

for (const decoder of decoders) {
  Deno.test(`${decoder.name} decoder gives Pillow's pixels for JPEG and PNG`, async () => {
    const cases = [
      ["cat.png", "cat.src"],
      ["coffee.png", "coffee.src"],
      ["cat_gray.png", "png.cat_gray"],
      ["cat_palette.png", "png.cat_palette"],
      ["cat_rgba.png", "png.cat_rgba"],
      ["cat_gray.jpg", "jpeg.cat_gray"],
      ["cat_q75_444.jpg", "jpeg.cat_q75_444"],
      ["cat_q85_422_prog.jpg", "jpeg.cat_q85_422_prog"],
      ["cat_q90_420.jpg", "jpeg.cat_q90_420"],
      ["cat_exif6.jpg", "jpeg.cat_exif6.pil_ignored"],
    ];
    for (const [file, tensor] of cases) {
      same(await decoder.decode(read(file), file), tensors.image(tensor), 0, file);
    }
  });

  Deno.test(`${decoder.name} decoder turns pictures by their EXIF tag when asked to`, async () => {
    const image = await decoder.decode(read("cat_exif6.jpg"), "cat", { exif: true });
    same(image, tensors.image("jpeg.cat_exif6.cv2_applied"), 0, "exif");
  });

  Deno.test(`${decoder.name} decoder reads odd files as Pillow's convert("RGB")`, async () => {
    for (const name of ["icc.jpg", "ptrns.png", "rgb16.png"]) {
      const wanted = await native.decode(read(`odd/${name.split(".")[0]}_expected.png`), name);
      same(await decoder.decode(read(`odd/${name}`), name), wanted, 0, name);
    }
    const cmyk = await native.decode(read("odd/cmyk_expected.png"), "cmyk");
    const tolerance = decoder.name === "sharp" ? 0 : 4;
    same(await decoder.decode(read("odd/cmyk.jpg"), "cmyk"), cmyk, tolerance, "cmyk");
    same(await decoder.decode(read("odd/cat.webp"), "webp"), tensors.image("cat.src"), 0, "webp");
    const gray = await decoder.decode(read("odd/gray16.png"), "gray16");
    const red = tensors.image("cat.src").data.filter((_, i) => i % 3 === 0);
    assert.equal(largestDifference(gray.data.filter((_, i) => i % 3 === 1), red), 0);
    const named = await decoder.decode(read("odd/png_named.JPEG"), "png_named.JPEG");
    assert.deepEqual([named.width, named.height], [70, 56]);
    for (const name of ["la.png", "bw.png"]) {
      const { data } = await decoder.decode(read(`odd/${name}`), name);
      assert.ok(data.every((value, i) => value === data[i - i % 3]), name);
    }
  });

  Deno.test(`${decoder.name} decoder refuses empty, truncated and foreign files by name`, async () => {
    const refuses = (bytes: Uint8Array, pattern: RegExp) =>
      assert.rejects(decoder.decode(bytes, "a/b.jpg"), (error: Error) => {
        assert.equal(error.name, "UserError");
        assert.match(error.message, /^Cannot decode image "a\/b.jpg": [^\n]+$/);
        assert.match(error.message, pattern);
        return true;
      });
    await refuses(new Uint8Array(0), /the file is empty/);
    await refuses(new TextEncoder().encode("<html>not found</html>"), /found another format/);
    for (const name of ["cat_q90_420.jpg", "cat_q85_422_prog.jpg"]) {
      const bytes = read(name);
      for (const share of [0.05, 0.3, 0.7, 0.999]) {
        await refuses(bytes.slice(0, Math.floor(bytes.length * share)), /./);
      }
    }
    const png = read("cat.png");
    await refuses(png.slice(0, png.length >> 1), /./);
    const webp = read("odd/cat.webp");
    await refuses(webp.slice(0, webp.length >> 1), /./);
    await refuses(new TextEncoder().encode("P6 2 2 255\nABC"), /truncated/);
    await refuses(new TextEncoder().encode("P5 x"), /header is corrupt/);
  });
}

Deno.test("decoding works on views into larger buffers", async () => {
  const file = read("cat_q75_444.jpg");
  const larger = new Uint8Array(file.length + 20);
  larger.set(file, 10);
  for (const decoder of decoders) {
    const image = await decoder.decode(larger.subarray(10, 10 + file.length), "view");
    same(image, tensors.image("jpeg.cat_q75_444"), 0, decoder.name);
  }
});

Deno.test("decoding reads Netpbm with comments, colour and 16 bits", async () => {
  const bytes = Uint8Array.of(
    ...new TextEncoder().encode("P6\n# made by hand\n1 1\n65535\n"),
    255,
    255,
    0,
    0,
    128,
    0,
  );
  const image = await portable.decode(bytes, "deep.ppm");
  assert.deepEqual([...image.data], [255, 0, 128]);
});
