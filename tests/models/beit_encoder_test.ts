import assert from "node:assert/strict";
import { BeitEncoder } from "../../models/beit_encoder.ts";
import { createTiny, noiseImages, onReference, tinyConfig, valuesOf } from "./_tiny.ts";

Deno.test("attentionWeights() are what the block mixes its values with", async () => {
  await onReference(async (on) => {
    const model = createTiny(on);
    const encoder = new BeitEncoder(on, tinyConfig, model.parameters);
    const images = on.backend.run(() => noiseImages(2, 16));
    const weights = await valuesOf(on, () => encoder.attentionWeights(on, images, -1));
    assert.equal(weights.length, 2 * 2 * 17 * 17);
    for (let row = 0; row < weights.length; row += 17) {
      const sum = weights.subarray(row, row + 17).reduce((a, b) => a + b, 0);
      assert.ok(Math.abs(sum - 1) < 1e-5);
    }
    const last = await valuesOf(on, () => encoder.attentionWeights(on, images, 2));
    assert.deepEqual(last, weights);
    const first = await valuesOf(on, () => encoder.attentionWeights(on, images, 0));
    assert.notDeepEqual(first, weights);

    // A table whose bias of one offset is large lets every patch look at its left neighbour:
    // (dy + 3)·7 + dx + 3 for dy = 0, dx = 1, as the query is one to the right of the key.
    const name = "rel_pos_bias.relative_position_bias_table";
    const table = (await model.parameters.export()).get(name)!;
    const heads = table.shape[1];
    table.values.fill(0).fill(50, 25 * heads, 26 * heads);
    model.parameters.load(on, new Map([[name, table]]));
    const turned = await valuesOf(on, () => encoder.attentionWeights(on, images, 1));
    // Query patch 5 (token 6) and key patch 4 (token 5) of the first sample and head.
    assert.ok(turned[6 * 17 + 5] > 0.99);
    assert.throws(() => encoder.attentionWeights(on, images, 3), /has 3 blocks/);
    images.dispose();
    encoder.dispose();
    model.dispose();
  });
});
