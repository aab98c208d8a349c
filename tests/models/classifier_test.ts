import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import { Classifier, classifierConfig } from "../../models/classifier.ts";
import { extractFeatures } from "../../models/features.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { Tape } from "../../backends/tfjs/tape.ts";
import { createTiny, noiseImages, onReference, tinyConfig, valuesOf } from "./_tiny.ts";

Deno.test("a classifier has a position table in each block and none to share, and no mask token", async () => {
  await onReference((on) => {
    const config = classifierConfig(tinyConfig, 5);
    const model = Classifier.create(on, config, initialiseBeit(config, Generator.from(1)));
    const tables = model.parameters.names.filter((name) => name.endsWith("position_bias_table"));
    assert.equal(tables.length, config.depth);
    assert.ok(tables.every((name) => name.startsWith("blocks.")));
    assert.ok(!model.parameters.has("mask_token"));
    on.backend.run(() =>
      tf.tidy(() => {
        const logits = model.logits(on, noiseImages(2, 16), { dropPath: null });
        assert.deepEqual(logits.shape, [2, 5]);
      })
    );
    model.dispose();
  });
});

Deno.test("a classifier of no classes is refused", async () => {
  await onReference((on) => {
    const initialise = initialiseBeit(tinyConfig, Generator.from(1));
    assert.throws(() => Classifier.create(on, tinyConfig, initialise), (error) => {
      return error instanceof UserError && error.message.includes("model.classes is not set");
    });
  });
});

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
            message: "Cannot take features of layer 3: the encoder has 3 blocks",
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
