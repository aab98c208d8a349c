import assert from "node:assert/strict";
import { createImageDecoder } from "../../data/images/decode.ts";
import { fc } from "../../deps/fast_check.ts";
import { encodePng, pngAddress } from "../../report/png.ts";

const picture = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 })).chain(
  ([width, height]) =>
    fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
      .map((data) => ({ width, height, data })),
);

Deno.test("what encodePng() writes is read back to the same bytes by other software", async () => {
  const portable = await createImageDecoder({ native: false });
  await fc.assert(
    fc.asyncProperty(picture, async (image) => {
      const decoded = await portable.decode(await encodePng(image), "written.png");
      assert.deepEqual([decoded.width, decoded.height], [image.width, image.height]);
      assert.deepEqual([...decoded.data], [...image.data]);
    }),
    { seed: 7, numRuns: 50 },
  );
});

Deno.test("pngAddress() holds the file itself", async () => {
  const image = { width: 3, height: 2, data: Uint8Array.from({ length: 18 }, (_, i) => 13 * i) };
  const address = await pngAddress(image);
  const bytes = new Uint8Array(await (await fetch(address)).arrayBuffer());
  assert.deepEqual(bytes, await encodePng(image));
  assert.match(address, /^data:image\/png;base64,/);
});
