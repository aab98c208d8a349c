import assert from "node:assert/strict";
import { tf } from "../../deps/tfjs.ts";
import { UserError } from "../../core/errors.ts";
import { Generator } from "../../core/generator.ts";
import { vitBase } from "../../models/beit_config.ts";
import { Classifier, classifierConfig, classifierSpecs } from "../../models/classifier.ts";
import { initialiseBeit } from "../../models/initialise.ts";
import { countTrainable } from "../../models/parameter_set.ts";
import { keysOf, referenceKeys } from "./_reference_keys.ts";
import { noiseImages, onReference, tinyConfig } from "./_tiny.ts";

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

Deno.test("ViT-B/16 has the names, shapes, order and number of parameters of the reference", async () => {
  const specs = classifierSpecs(classifierConfig(vitBase, 1000));
  assert.equal(countTrainable(specs), 86_530_984);
  assert.deepEqual(keysOf(specs), await referenceKeys("unilm_finetune_vitb"));
});
