import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { extractFeatures } from "../../models/features.ts";
import { createTiny, noiseImages, onReference, valuesOf } from "./_tiny.ts";

Deno.test("features: any block from either end, three kinds, nothing on the tape", async () => {
  await onReference(async (on) => {
    const model = createTiny(on);
    on.backend.run(() =>
      tf.tidy(() => {
        const images = noiseImages(2, 16);
        const tape = Tape.open();
        const held = on.backend.memory().tensors;
        const features = extractFeatures(on, model.encoder, images, [
          { layer: -1, kind: "cls" },
          { layer: 0, kind: "patches" },
          { layer: 2, kind: "meanPatches" },
        ]);
        assert.equal(on.backend.memory().tensors, held + 3);
        tape.close();
        assert.deepEqual(features.map(({ shape }) => shape), [[2, 16], [2, 16, 16], [2, 16]]);
        assert.throws(
          () => extractFeatures(on, model.encoder, images, [{ layer: 3, kind: "cls" }]),
          {
            message: "Cannot extract features from layer 3: the encoder has 3 blocks",
          },
        );
      })
    );
    const same = await valuesOf(on, () => {
      const requests = [-1, 2].map((layer) => ({ layer, kind: "meanPatches" as const }));
      const [a, b] = extractFeatures(on, model.encoder, noiseImages(2, 16), requests);
      return tf.max(tf.abs(tf.sub(a, b)));
    });
    assert.equal(same[0], 0);
    model.dispose();
  });
});
