import assert from "node:assert/strict";
import {
  type BeitConfig,
  validateBeitConfig,
  vitBase,
  vitLarge,
} from "../../models/beit_config.ts";
import { UserError } from "../../core/errors.ts";

Deno.test("the published sizes are valid", () => {
  validateBeitConfig(vitBase);
  validateBeitConfig(vitLarge);
  validateBeitConfig({ ...vitBase, headLayers: 0, earlyLayers: 0 });
});

const mistakes: [Partial<BeitConfig>, RegExp][] = [
  [{ patchSize: 15 }, /model\.patchSize 15 does not divide model\.imageSize 224; .* 14$/],
  [{ heads: 7 }, /model\.heads 7 does not divide model\.embedDim 768; .* 6$/],
  [{ earlyLayers: 13 }, /model\.earlyLayers 13 is more than model\.depth 12/],
  [{ earlyLayers: 0 }, /model\.earlyLayers must be an integer of at least 1, found 0/],
  [{ depth: 0 }, /model\.depth must be an integer of at least 1, found 0/],
  [{ codes: 2.5 }, /model\.codes must be an integer/],
  [{ classes: 0 }, /model\.classes/],
  [{ mlpRatio: 0 }, /model\.mlpRatio/],
  [{ dropPathRate: 1 }, /model\.dropPathRate must be in \[0, 1\), found 1/],
  [{ layerScaleInitValue: -1 }, /model\.layerScaleInitValue/],
  [{ usesRelativePositionBias: true }, /both a shared relative-position table and one per block/],
  [{ sincosAmplitude: 0.5, embedDim: 6, heads: 2 }, /model\.sincosAmplitude/],
];

for (const [change, message] of mistakes) {
  Deno.test(`refused: ${JSON.stringify(change)}`, () => {
    assert.throws(() => validateBeitConfig({ ...vitBase, ...change }), (error: Error) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /\n/);
      return true;
    });
  });
}
