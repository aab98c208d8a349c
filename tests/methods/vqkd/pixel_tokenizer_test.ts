import assert from "node:assert/strict";
import { Generator } from "../../../core/generator.ts";
import { tf } from "../../../deps/tfjs.ts";
import { PixelTokenizer } from "../../../methods/vqkd/pixel_tokenizer.ts";
import { patchRows } from "../../../models/patch_rows.ts";
import { noiseImages, onReference, valuesOf } from "../../models/_tiny.ts";

Deno.test("patchRows() cuts an image row by row", async () => {
  await onReference(async (on) => {
    // The value says where it is: channel, row, column.
    const values = Array.from(
      { length: 48 },
      (_, i) => 100 * Math.floor(i / 16) + 10 * (Math.floor(i / 4) % 4) + i % 4,
    );
    const rows = await valuesOf(on, () => patchRows(tf.tensor(values, [1, 3, 4, 4]), 2));
    const expected = [[0, 0], [0, 2], [2, 0], [2, 2]].flatMap(([top, left]) =>
      [0, 100, 200].flatMap((channel) =>
        [0, 1].flatMap((y) => [0, 1].map((x) => channel + 10 * (top + y) + left + x))
      )
    );
    assert.deepEqual([...rows], expected);
  });
});

Deno.test("codes are means of the patches that are nearest to them", async () => {
  await onReference(async (on) => {
    const config = { imageSize: 16, patchSize: 4, codes: 6 };
    const images = on.backend.run(() => noiseImages(12, 16));
    const tokenizer = await PixelTokenizer.fit(on, config, [images], Generator.from(2));
    const state = await tokenizer.export();
    const { shape, values: means } = state.get("tokenizer.pixels")!;
    assert.deepEqual(shape, [6, 48]);
    const rows = await valuesOf(on, () => patchRows(images, 4));
    const ids = await valuesOf(on, () => tokenizer.encode(on, images));
    const distance = (row: number, code: number) => {
      let sum = 0;
      for (let i = 0; i < 48; i++) sum += (rows[row * 48 + i] - means[code * 48 + i]) ** 2;
      return sum;
    };
    for (const [row, id] of ids.entries()) {
      const distances = [0, 1, 2, 3, 4, 5].map((code) => distance(row, code));
      assert.ok(distances[id] <= Math.min(...distances) + 1e-4);
    }
    // Lloyd's algorithm has nearly settled: the patches lie nearer to their code than to the mean.
    const total = ids.reduce((sum, id, row) => sum + distance(row, id), 0);
    assert.ok(total < 0.95 * 48 * ids.length, `${total / ids.length}`);

    const again = PixelTokenizer.load(on, config, state);
    assert.deepEqual(await valuesOf(on, () => again.encode(on, images)), ids);
    again.dispose();
    tokenizer.dispose();
    images.dispose();
  });
});

Deno.test("patches that are all the same make one code that is used", async () => {
  await onReference(async (on) => {
    const config = { imageSize: 4, patchSize: 2, codes: 3 };
    const images = on.backend.run(() => tf.ones([2, 3, 4, 4]));
    const tokenizer = await PixelTokenizer.fit(on, config, [images], Generator.from(2));
    const ids = await valuesOf(on, () => tokenizer.encode(on, images));
    assert.deepEqual([...ids], Array(8).fill(0));
    tokenizer.dispose();
    images.dispose();
  });
});
